using System.Security.Cryptography;
using System.Text;
using VmChannel.Native;
using Xunit;

namespace VmChannel.Guest.Tests;

/// <summary>The relay between pipes and a socket, which has no host to wait for but ends the way a port does.</summary>
public sealed class ChannelRelayTests
{
    [Fact]
    public async Task Run_BothDirections_MovesEveryByte()
    {
        CancellationToken stop = TestContext.Current.CancellationToken;
        byte[] sent = new byte[300_000];
        RandomNumberGenerator.Fill(sent);
        (FileDescriptor channel, FileDescriptor host) = UnixSocket.Pair();
        (FileDescriptor input, FileDescriptor inputWriter) = AnonymousPipe.Create();
        (FileDescriptor outputReader, FileDescriptor output) = AnonymousPipe.Create();
        channel.SetNonBlocking(true).OrThrow("set non-blocking");
        Task<RelayEnd> relay = Task.Run(() => new ChannelRelay(channel, input, output, Timeout.InfiniteTimeSpan).Run(), stop);
        Task feed = Task.Run(
            () =>
            {
                WriteAll(inputWriter, sent);
                inputWriter.Dispose();
            },
            stop);
        Task<byte[]> echoed = Task.Run(
            () =>
            {
                byte[] received = ReadExactly(host, sent.Length);
                WriteAll(host, received);
                return received;
            },
            stop);
        byte[] back = await Task.Run(() => ReadExactly(outputReader, sent.Length), stop);
        await feed;
        Assert.Equal(sent, await echoed);
        Assert.Equal(sent, back);
        host.Dispose();
        Assert.Equal(RelayEnd.HostClosed, await relay);
    }

    [Fact]
    public void Run_InputEnded_LingersAndEnds()
    {
        (FileDescriptor channel, FileDescriptor host) = UnixSocket.Pair();
        (FileDescriptor input, FileDescriptor inputWriter) = AnonymousPipe.Create();
        (FileDescriptor _, FileDescriptor output) = AnonymousPipe.Create();
        channel.SetNonBlocking(true).OrThrow("set non-blocking");
        WriteAll(inputWriter, "last words"u8);
        inputWriter.Dispose();
        Assert.Equal(RelayEnd.InputEnded, new ChannelRelay(channel, input, output, TimeSpan.FromMilliseconds(20)).Run());
        Assert.Equal("last words", Encoding.ASCII.GetString(ReadExactly(host, 10)));
    }

    [Fact]
    public void Run_NobodyReadsTheOutput_Ends()
    {
        (FileDescriptor channel, FileDescriptor host) = UnixSocket.Pair();
        (FileDescriptor input, FileDescriptor _) = AnonymousPipe.Create();
        (FileDescriptor outputReader, FileDescriptor output) = AnonymousPipe.Create();
        channel.SetNonBlocking(true).OrThrow("set non-blocking");
        outputReader.Dispose();
        WriteAll(host, "x"u8);
        Assert.Equal(RelayEnd.OutputClosed, new ChannelRelay(channel, input, output, Timeout.InfiniteTimeSpan).Run());
    }

    private static void WriteAll(FileDescriptor fd, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[fd.Write(bytes).OrThrow("write")..];
        }
    }

    private static byte[] ReadExactly(FileDescriptor fd, int count)
    {
        byte[] bytes = new byte[count];
        for (int done = 0; done < count;)
        {
            int read = fd.Read(bytes.AsSpan(done)).OrThrow("read");
            Assert.NotEqual(0, read);
            done += read;
        }

        return bytes;
    }
}
