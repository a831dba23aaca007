using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using VmChannel.GuestTool;
using VmChannel.Native;
using Xunit;

namespace VmChannel.Guest.Tests;

/// <summary>The relay of <c>vmchannel-guest open</c> between pipes and a channel.</summary>
public sealed class ChannelRelayTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly SocketHost _host = new();
    private readonly (FileDescriptor Reader, FileDescriptor Writer) _input = AnonymousPipe.Create();
    private readonly (FileDescriptor Reader, FileDescriptor Writer) _output = AnonymousPipe.Create();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        foreach (FileDescriptor end in (FileDescriptor[])[_input.Reader, _input.Writer, _output.Reader, _output.Writer])
        {
            end.Dispose();
        }

        _host.Dispose();
    }

    [Fact]
    public async Task Run_BothDirections_MovesEveryByte()
    {
        byte[] sent = RandomNumberGenerator.GetBytes(300_000);
        await using ChannelStream channel = await VmChannels.OpenAsync(_host.Name, cancellationToken: Stop);
        using NetworkStream host = await _host.AcceptAsync();
        Task<RelayEnd> relay = Relay(channel, Timeout.InfiniteTimeSpan).RunAsync();
        Task feed = Task.Run(
            () =>
            {
                WriteAll(_input.Writer, sent);
                _input.Writer.Dispose();
            },
            Stop);
        byte[] echoed = new byte[sent.Length];
        await host.ReadExactlyAsync(echoed, Stop);
        Task echo = host.WriteAsync(echoed, Stop).AsTask();
        byte[] back = await Task.Run(() => ReadExactly(_output.Reader, sent.Length), Stop);
        await feed;
        await echo;
        Assert.Equal(sent, echoed);
        Assert.Equal(sent, back);
        await host.DisposeAsync();
        Assert.Equal(RelayEnd.HostClosed, await relay.WaitAsync(Patience, Stop));
    }

    [Fact]
    public async Task Run_InputEnded_LingersAndEnds()
    {
        await using ChannelStream channel = await VmChannels.OpenAsync(_host.Name, cancellationToken: Stop);
        using NetworkStream host = await _host.AcceptAsync();
        WriteAll(_input.Writer, "last words"u8);
        _input.Writer.Dispose();
        Assert.Equal(RelayEnd.InputEnded, await Relay(channel, TimeSpan.FromMilliseconds(20)).RunAsync().WaitAsync(Patience, Stop));
        byte[] bytes = new byte[10];
        await host.ReadExactlyAsync(bytes, Stop);
        Assert.Equal("last words", Encoding.ASCII.GetString(bytes));
    }

    [Fact]
    public async Task Run_NobodyReadsTheOutput_Ends()
    {
        await using ChannelStream channel = await VmChannels.OpenAsync(_host.Name, cancellationToken: Stop);
        using NetworkStream host = await _host.AcceptAsync();
        _output.Reader.Dispose();
        await host.WriteAsync("x"u8.ToArray(), Stop);
        Assert.Equal(RelayEnd.OutputClosed, await Relay(channel, Timeout.InfiniteTimeSpan).RunAsync().WaitAsync(Patience, Stop));
    }

    [Fact]
    public async Task Run_HostClosesDuringAWrite_CountsWhatWasNotSent()
    {
        await using ChannelStream channel = await VmChannels.OpenAsync(_host.Name, cancellationToken: Stop);
        NetworkStream host = await _host.AcceptAsync();
        ChannelRelay relay = Relay(channel, Timeout.InfiniteTimeSpan);
        Task<RelayEnd> run = relay.RunAsync();
        Task feed = Task.Run(
            () =>
            {
                // More than a socket, a pipe and the relay hold, so that a write waits; the end of the relay is no end of the input.
                for (int i = 0; i < 1000 && _input.Writer.Write(new byte[4096]).IsSuccess; i++)
                {
                }
            },
            Stop);
        // Until the relay waits: it has begun, goes no further, and does not take what is in its pipe.
        for (long last = 0; last == 0 || last != channel.BytesWritten || !IsFull(_input.Writer); await Task.Delay(100, Stop))
        {
            last = channel.BytesWritten;
        }

        await host.DisposeAsync();
        Assert.Equal(RelayEnd.HostClosed, await run.WaitAsync(Patience, Stop));
        Assert.InRange(relay.UnsentBytes, 1, 32768);
        _input.Reader.Dispose();
        await feed.WaitAsync(Patience, Stop);
    }

    private ChannelRelay Relay(ChannelStream channel, TimeSpan linger) => new(channel, _input.Reader, _output.Writer, linger);

    private static bool IsFull(FileDescriptor pipe)
    {
        PollEntry[] entries = [new(pipe.Number, PollEvents.Out)];
        return Poll.Wait(entries, TimeSpan.Zero).Value == 0;
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
