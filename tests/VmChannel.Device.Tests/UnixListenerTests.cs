using VmChannel.Native;
using Xunit;

namespace VmChannel.Device.Tests;

public sealed class UnixListenerTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("vmchannel-listen-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>As servers that are started at the same moment: one has the path, and the others are told so.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void TryOpen_SeveralAtTheSameTime_OneHasThePath(bool afterADeadOne)
    {
        UnixAddress address = Address("a.sock");
        for (int round = 0; round < 2000; round++)
        {
            if (afterADeadOne)
            {
                Leave(address);
            }

            UnixListener?[] listeners = new UnixListener?[4];
            using Barrier start = new(listeners.Length);
            Thread[] threads = [.. Enumerable.Range(0, listeners.Length).Select(i => new Thread(() =>
            {
                start.SignalAndWait();
                listeners[i] = UnixListener.TryOpen(address, backlog: 4, out _);
            }))];
            Array.ForEach(threads, thread => thread.Start());
            Array.ForEach(threads, thread => thread.Join());
            UnixListener? only = Assert.Single(listeners, listener => listener is not null);
            Assert.True(StreamSocket.Connect(address, out FileDescriptor? client).IsSuccess);
            client!.Dispose();
            Assert.True(UnixSocket.Accept(only!.Socket, out FileDescriptor? accepted).IsSuccess);
            accepted!.Dispose();
            only.Dispose();
            Assert.Empty(Directory.GetFiles(_folder));
        }
    }

    private UnixAddress Address(string name)
    {
        Assert.True(UnixAddress.TryCreate(Path.Combine(_folder, name), isAbstract: false, isTight: true, out UnixAddress? address, out _));
        return address;
    }

    /// <summary>A file like that of a server that was killed.</summary>
    private static void Leave(UnixAddress address)
    {
        Assert.True(StreamSocket.Listen(address, backlog: 1, out FileDescriptor? socket).IsSuccess);
        socket!.Dispose();
    }
}
