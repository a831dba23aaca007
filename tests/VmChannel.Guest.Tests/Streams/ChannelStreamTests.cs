using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Xunit;

namespace VmChannel.Guest.Tests;

/// <summary>Streams over sockets: everything that needs no driver.</summary>
public sealed class ChannelStreamTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly SocketHost _host = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _host.Dispose();

    [Fact]
    public async Task Open_Channel_SaysWhatItIs()
    {
        await using ChannelStream stream = await VmChannels.OpenAsync(_host.Name, cancellationToken: Stop);
        Assert.Equal(_host.Name, stream.Name);
        Assert.Equal(ChannelTransport.UnixSocket, stream.Transport);
        Assert.Equal(_host.File, stream.DevicePath);
        Assert.True(stream.IsHostOpen);
        Assert.Equal(1, stream.Generation);
    }

    [Fact]
    public async Task Write_MoreThanThereIsRoomFor_ArrivesWhole()
    {
        (ChannelStream stream, NetworkStream host) = await OpenAsync();
        byte[] sent = RandomNumberGenerator.GetBytes(3_000_000);
        byte[] received = new byte[sent.Length];
        Task write = stream.WriteAsync(sent, Stop).AsTask();
        await host.ReadExactlyAsync(received, Stop);
        await write.WaitAsync(Patience, Stop);
        Assert.Equal(sent, received);
        Assert.Equal(sent.Length, stream.BytesWritten);
    }

    [Fact]
    public async Task Read_BytesThatComeLater_WaitsForThem()
    {
        (ChannelStream stream, NetworkStream host) = await OpenAsync();
        byte[] buffer = new byte[10];
        for (int i = 0; i < 100; i++)
        {
            ValueTask<int> read = stream.ReadAsync(buffer, Stop);
            Assert.False(read.IsCompleted);
            await host.WriteAsync("hello"u8.ToArray(), Stop);
            Assert.Equal("hello", Encoding.ASCII.GetString(buffer, 0, await read));
        }
    }

    [Fact]
    public async Task Read_HostHasClosed_GivesTheRestAndThenTheEnd()
    {
        (ChannelStream stream, NetworkStream host) = await OpenAsync();
        await host.WriteAsync("rest"u8.ToArray(), Stop);
        await host.DisposeAsync();
        Assert.Equal("rest", Encoding.ASCII.GetString(await ReadToEndAsync(stream)));
        Assert.Equal(0, await stream.ReadAsync(new byte[1], Stop));
        HostClosedException fault = await Assert.ThrowsAsync<HostClosedException>(async () => await stream.WriteAsync("x"u8.ToArray(), Stop));
        Assert.Equal(_host.Name, fault.Name);
        await Assert.ThrowsAsync<HostClosedException>(async () => await stream.WaitForHostAsync(Stop));
    }

    [Fact]
    public async Task Write_HostClosesMeanwhile_Ends()
    {
        (ChannelStream stream, NetworkStream host) = await OpenAsync();
        Task write = stream.WriteAsync(new byte[3_000_000], Stop).AsTask();
        await host.DisposeAsync();
        await Assert.ThrowsAsync<HostClosedException>(() => write.WaitAsync(Patience, Stop));
    }

    [Fact]
    public async Task Continue_HostComesAgain_NewGeneration()
    {
        await using ChannelStream stream = await VmChannels.OpenAsync(_host.Name, new ChannelOpenOptions { OnHostClose = HostCloseBehavior.Continue }, Stop);
        byte[] buffer = new byte[100];
        for (int generation = 1; generation <= 10; generation++)
        {
            NetworkStream host = await _host.AcceptAsync();
            await host.WriteAsync(Encoding.ASCII.GetBytes($"hello {generation}"), Stop);
            Assert.Equal($"hello {generation}", Encoding.ASCII.GetString(buffer, 0, await stream.ReadAsync(buffer, Stop)));
            Assert.Equal(generation, stream.Generation);
            await stream.WriteAsync("back"u8.ToArray(), Stop);
            await host.ReadExactlyAsync(buffer.AsMemory(0, 4), Stop);
            await host.DisposeAsync();
        }
    }

    [Fact]
    public async Task WaitForHost_NobodyListensYet_ReturnsWhenSomebodyDoes()
    {
        _host.StopListening();
        await using ChannelStream stream = await VmChannels.OpenAsync(_host.Name, cancellationToken: Stop);
        Assert.False(stream.IsHostOpen);
        Assert.Equal(0, stream.Generation);
        Task wait = stream.WaitForHostAsync(Stop).AsTask();
        Task other = stream.WaitForHostAsync(Stop).AsTask();
        ValueTask<int> read = stream.ReadAsync(new byte[1], Stop);
        await Task.Delay(100, Stop);
        Assert.False(wait.IsCompleted);
        Assert.False(read.IsCompleted);
        _host.Listen();
        using NetworkStream host = await _host.AcceptAsync();
        await wait.WaitAsync(Patience, Stop);
        await other.WaitAsync(Patience, Stop);
        Assert.True(stream.IsHostOpen);
        await host.WriteAsync("x"u8.ToArray(), Stop);
        Assert.Equal(1, await read);
    }

    [Fact]
    public async Task Read_Cancelled_LosesNothingAndLeavesNothing()
    {
        (ChannelStream stream, NetworkStream host) = await OpenAsync();
        byte[] buffer = new byte[10];
        for (int i = 0; i < 1000; i++)
        {
            using CancellationTokenSource cancel = new();
            ValueTask<int> read = stream.ReadAsync(buffer, cancel.Token);
            await cancel.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await read);
        }

        await host.WriteAsync("kept"u8.ToArray(), Stop);
        Assert.Equal(4, await stream.ReadAsync(buffer, Stop));
    }

    [Fact]
    public async Task Dispose_WhileOthersWait_TellsThem()
    {
        (ChannelStream stream, _) = await OpenAsync();
        Task read = stream.ReadAsync(new byte[1], Stop).AsTask();
        Task write = stream.WriteAsync(new byte[3_000_000], Stop).AsTask();
        await stream.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => read.WaitAsync(Patience, Stop));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => write.WaitAsync(Patience, Stop));
        Assert.False(stream.CanRead);
    }

    [Fact]
    public async Task Read_Twice_IsRefused()
    {
        (ChannelStream stream, NetworkStream host) = await OpenAsync();
        ValueTask<int> first = stream.ReadAsync(new byte[1], Stop);
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await stream.ReadExactlyAsync(new byte[1], Stop));
        await host.WriteAsync("x"u8.ToArray(), Stop);
        Assert.Equal(1, await first);
    }

    [Fact]
    public async Task SynchronousCalls_Block_UntilTheyAreDone()
    {
        (ChannelStream stream, NetworkStream host) = await OpenAsync();
        byte[] sent = RandomNumberGenerator.GetBytes(1_000_000);
        Task echo = Task.Run(
            async () =>
            {
                byte[] bytes = new byte[sent.Length];
                await host.ReadExactlyAsync(bytes, Stop);
                await host.WriteAsync(bytes, Stop);
            },
            Stop);
        byte[] received = new byte[sent.Length];
        await Task.Run(
            () =>
            {
                stream.Write(sent);
                stream.ReadExactly(received);
            },
            Stop).WaitAsync(Patience, Stop);
        await echo;
        Assert.Equal(sent, received);
    }

    [Fact]
    public async Task AsPipe_BothDirections_MoveBytes()
    {
        (ChannelStream stream, NetworkStream host) = await OpenAsync();
        System.IO.Pipelines.IDuplexPipe pipe = stream.AsPipe();
        await pipe.Output.WriteAsync("ping"u8.ToArray(), Stop);
        byte[] bytes = new byte[4];
        await host.ReadExactlyAsync(bytes, Stop);
        await host.WriteAsync("pong"u8.ToArray(), Stop);
        System.IO.Pipelines.ReadResult result = await pipe.Input.ReadAtLeastAsync(4, Stop);
        Assert.Equal(4, result.Buffer.Length);
        pipe.Input.AdvanceTo(result.Buffer.End);
        await pipe.Input.CompleteAsync();
        await pipe.Output.CompleteAsync();
        Assert.True(stream.CanRead);
    }

    private async Task<(ChannelStream Stream, NetworkStream Host)> OpenAsync()
    {
        ChannelStream stream = await VmChannels.OpenAsync(_host.Name, cancellationToken: Stop);
        return (stream, await _host.AcceptAsync());
    }

    private static async Task<byte[]> ReadToEndAsync(ChannelStream stream)
    {
        using MemoryStream bytes = new();
        await stream.CopyToAsync(bytes, Stop);
        return bytes.ToArray();
    }
}
