using VmChannel.Mux.Tests.Http;

namespace VmChannel.Mux.Tests;

/// <summary>Sessions that are made anew.</summary>
public sealed class MuxLinkTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static CancellationToken Cancellation => MuxPair.Cancellation;

    [Fact]
    public async Task Open_AfterTheChannelBroke_BeginsANewSession()
    {
        Switchboard board = new();
        await using MuxLink client = new(board.OpenClientAsync);
        await using MuxLink server = new(board.OpenServerAsync);
        for (int i = 1; i <= 5; i++)
        {
            Task<MuxStream> accepting = server.AcceptStreamAsync(Cancellation).AsTask();
            MuxStream asked = await client.OpenStreamAsync(Cancellation).AsTask().WaitAsync(Patience, Cancellation);
            await asked.WriteAsync("x"u8.ToArray(), Cancellation);
            MuxStream seen = await accepting.WaitAsync(Patience, Cancellation);
            await seen.ReadExactlyAsync(new byte[1], Cancellation);
            Assert.Equal(i, board.Openings);

            await board.Newest!.DisposeAsync();
            _ = await Assert.ThrowsAsync<MuxException>(async () => await asked.ReadExactlyAsync(new byte[1], Cancellation).AsTask().WaitAsync(Patience, Cancellation));
        }
    }

    [Fact]
    public async Task Open_ManyAtOnce_OpenTheChannelOnce()
    {
        Switchboard board = new();
        await using MuxLink client = new(board.OpenClientAsync);
        await using MuxLink server = new(board.OpenServerAsync);
        Task<MuxStream> accepting = server.AcceptStreamAsync(Cancellation).AsTask();

        MuxStream[] streams = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => client.OpenStreamAsync(Cancellation).AsTask()));

        Assert.Equal(50, streams.DistinctBy(stream => stream.Id).Count());
        Assert.Equal(1, board.Openings);
        _ = await accepting.WaitAsync(Patience, Cancellation);
    }

    [Fact]
    public async Task Open_ChannelCannotBeOpened_FailsAndTriesAgainNextTime()
    {
        int tries = 0;
        await using MuxLink link = new(_ => throw new IOException($"try {++tries}"));

        Assert.Equal("try 1", (await Assert.ThrowsAsync<IOException>(async () => await link.OpenStreamAsync(Cancellation))).Message);
        Assert.Equal("try 2", (await Assert.ThrowsAsync<IOException>(async () => await link.OpenStreamAsync(Cancellation))).Message);
    }

    [Fact]
    public async Task Open_GivenUp_ClosesTheChannel()
    {
        Switchboard board = new();
        await using MuxLink client = new(board.OpenClientAsync);
        using CancellationTokenSource limit = new(TimeSpan.FromMilliseconds(100));

        _ = await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await client.OpenStreamAsync(limit.Token));

        await using Stream other = await board.OpenServerAsync(Cancellation);
        await other.CopyToAsync(Stream.Null, Cancellation).WaitAsync(Patience, Cancellation);
    }

    [Fact]
    public async Task Accept_ChannelCannotBeOpenedYet_TriesUntilItCan()
    {
        Switchboard board = new();
        int tries = 0;
        List<string> told = [];
        await using MuxLink server = new(token => ++tries < 3 ? throw new IOException("not yet") : board.OpenServerAsync(token)) { Interrupted = e => told.Add(e.Message) };
        await using MuxLink client = new(board.OpenClientAsync);

        Task<MuxStream> accepting = server.AcceptStreamAsync(Cancellation).AsTask();
        _ = await client.OpenStreamAsync(Cancellation).AsTask().WaitAsync(Patience, Cancellation);
        _ = await accepting.WaitAsync(Patience, Cancellation);

        Assert.Equal(["not yet", "not yet"], told);
    }

    [Fact]
    public async Task Dispose_WhileWaiting_EndsTheWaiting()
    {
        MuxLink link = new(async token =>
        {
            await Task.Delay(Timeout.Infinite, token);
            return Stream.Null;
        });
        Task<MuxStream> opening = link.OpenStreamAsync(Cancellation).AsTask();

        await link.DisposeAsync().AsTask().WaitAsync(Patience, Cancellation);

        _ = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => opening.WaitAsync(Patience, Cancellation));
        _ = await Assert.ThrowsAsync<ObjectDisposedException>(async () => await link.OpenStreamAsync(Cancellation));
    }
}
