using Xunit;

namespace VmChannel.Guest.Tests;

/// <summary>Finding and watching channels, in a folder of sockets.</summary>
public sealed class VmChannelsTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Open_NoSuchName_SaysSo()
    {
        using SocketHost _ = new();
        ChannelNotFoundException fault = await Assert.ThrowsAsync<ChannelNotFoundException>(async () => await VmChannels.OpenAsync("org.example.none", cancellationToken: Stop));
        Assert.Equal("org.example.none", fault.Name);
        Assert.Contains("give a timeout", fault.Message, StringComparison.Ordinal);
        fault = await Assert.ThrowsAsync<ChannelNotFoundException>(async () => await VmChannels.OpenAsync("org.example.none", TimeSpan.FromMilliseconds(20), Stop));
        Assert.Contains("after 0.02 s", fault.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<ArgumentException>(async () => await VmChannels.OpenAsync("../x", cancellationToken: Stop));
    }

    [Fact]
    public async Task Open_PluggedLater_IsWaitedFor()
    {
        using SocketHost host = new(isListening: false);
        Task<ChannelStream> open = VmChannels.OpenAsync(host.Name, Timeout.InfiniteTimeSpan, Stop).AsTask();
        await Task.Delay(50, Stop);
        Assert.False(open.IsCompleted);
        host.Listen();
        await using ChannelStream stream = await open.WaitAsync(TimeSpan.FromSeconds(30), Stop);
        Assert.Equal(host.Name, stream.Name);
    }

    [Fact]
    public async Task Open_Cancelled_Ends()
    {
        using SocketHost host = new(isListening: false);
        using CancellationTokenSource cancel = new(20);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await VmChannels.OpenAsync(host.Name, Timeout.InfiniteTimeSpan, cancel.Token));
    }

    [Fact]
    public async Task Watch_EveryChange_IsTold()
    {
        using SocketHost host = new();
        await using IAsyncEnumerator<ChannelEvent> events = VmChannels.WatchAsync(cancellationToken: Stop).GetAsyncEnumerator(Stop);
        await ExpectAsync(ChannelEventKind.Plugged);
        ChannelStream stream = await VmChannels.OpenAsync(host.Name, cancellationToken: Stop);
        await ExpectAsync(ChannelEventKind.HostOpened);
        await (await host.AcceptAsync()).DisposeAsync();
        await ExpectAsync(ChannelEventKind.HostClosed);
        await stream.DisposeAsync();
        host.Dispose();
        await ExpectAsync(ChannelEventKind.Unplugged);

        async Task ExpectAsync(ChannelEventKind kind)
        {
            while (true)
            {
                Assert.True(await events.MoveNextAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30), Stop));
                if (events.Current.Channel.Name == host.Name)
                {
                    Assert.Equal(kind, events.Current.Kind);
                    return;
                }
            }
        }
    }
}
