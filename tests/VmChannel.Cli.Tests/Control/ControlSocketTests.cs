using VmChannel.Cli.Control;
using VmChannel.Control;
using VmChannel.Native;
using Xunit;

namespace VmChannel.Cli.Tests.Control;

public sealed class ControlSocketTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("vmchannel-names-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>As servers that are started at the same moment, after one that was killed: one has the VM, and the other is told so.</summary>
    [Fact]
    public void Claim_OfTwoServersAtTheSameTime_OneHasTheName()
    {
        string name = ServerFolder.SocketOf(_folder, "vm");
        using ControlSocket first = ControlSocket.OpenIn(_folder);
        using ControlSocket second = ControlSocket.OpenIn(_folder);
        ControlSocket[] servers = [first, second];
        for (int round = 0; round < 3000; round++)
        {
            Assert.True(UnixAddress.TryCreate(name, isAbstract: false, isTight: true, out UnixAddress? address, out _));
            Assert.True(StreamSocket.Listen(address, backlog: 1, out FileDescriptor? dead).IsSuccess);
            dead!.Dispose();
            bool[] claimed = new bool[2];
            using Barrier start = new(2);
            Thread[] threads = [.. servers.Select((server, i) => new Thread(() =>
            {
                start.SignalAndWait();
                try
                {
                    server.Claim("vm");
                    claimed[i] = true;
                }
                catch (IOException)
                {
                    // The other has it.
                }
            }))];
            Array.ForEach(threads, thread => thread.Start());
            Array.ForEach(threads, thread => thread.Join());
            Assert.Single(claimed, isClaimed => isClaimed);
            servers[claimed[0] ? 0 : 1].Release("vm");
            Assert.False(File.Exists(name));
        }
    }
}
