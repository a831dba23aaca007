using System.Security.Cryptography;

namespace VmChannel.Mux.Tests;

/// <summary>Streams of a session, between two ends that both keep the protocol.</summary>
public sealed class MuxChannelTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static CancellationToken Cancellation => MuxPair.Cancellation;

    [Fact]
    public async Task Open_ThenWrite_OtherEndReadsAndAnswers()
    {
        await using MuxPair pair = await MuxPair.CreateAsync();
        (MuxStream a, MuxStream b) = await pair.OpenAsync();

        await a.WriteAsync("question"u8.ToArray(), Cancellation);
        byte[] question = new byte[8];
        await b.ReadExactlyAsync(question, Cancellation);
        await b.WriteAsync("answer"u8.ToArray(), Cancellation);
        byte[] answer = new byte[6];
        await a.ReadExactlyAsync(answer, Cancellation);

        Assert.Equal("question"u8.ToArray(), question);
        Assert.Equal("answer"u8.ToArray(), answer);
    }

    [Fact]
    public async Task BothEnds_OpenManyAtOnce_EachStreamHasItsOwnBytes()
    {
        const int Count = 200;
        await using MuxPair pair = await MuxPair.CreateAsync();

        Task[] all =
        [
            EchoAsync(pair.A, Count), EchoAsync(pair.B, Count),
            .. Enumerable.Range(0, Count).SelectMany(number => new[] { AskAsync(pair.A, number), AskAsync(pair.B, number) }),
        ];

        await Task.WhenAll(all).WaitAsync(Patience, Cancellation);
    }

    [Fact]
    public async Task Open_FromManyThreads_OtherEndSeesNumbersGoUp()
    {
        const int Count = MuxOptions.DefaultMaxStreams;
        await using MuxPair pair = await MuxPair.CreateAsync();

        await Parallel.ForAsync(0, Count, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = Cancellation }, async (_, token) => await pair.A.OpenStreamAsync(token));
        List<long> seen = [];
        for (int i = 0; i < Count; i++)
        {
            seen.Add((await pair.B.AcceptStreamAsync(Cancellation)).Id);
        }

        Assert.Equal(seen.Order(), seen);
        Assert.Null(pair.B.EndReason);
    }

    [Fact]
    public async Task Transfer_OfManyWindows_ArrivesWholeBothWays()
    {
        const int Total = 20_000_000;
        await using MuxPair pair = await MuxPair.CreateAsync();
        (MuxStream a, MuxStream b) = await pair.OpenAsync();
        byte[] sent = RandomNumberGenerator.GetBytes(Total);

        Task<byte[]> atA = ReadAllAsync(a);
        Task<byte[]> atB = ReadAllAsync(b);
        await Task.WhenAll(SendAsync(a, sent), SendAsync(b, sent)).WaitAsync(Patience, Cancellation);

        Assert.Equal(sent, await atA);
        Assert.Equal(sent, await atB);
    }

    [Fact]
    public async Task EndWrites_OneWay_OtherWayGoesOn()
    {
        await using MuxPair pair = await MuxPair.CreateAsync();
        (MuxStream a, MuxStream b) = await pair.OpenAsync();

        a.EndWrites();
        Assert.Equal(0, await ReadOneAsync(b));
        await b.WriteAsync("still here"u8.ToArray(), Cancellation);
        b.EndWrites();

        Assert.Equal("still here"u8.ToArray(), await ReadAllAsync(a));
    }

    [Fact]
    public async Task Window_NobodyReads_WriterWaitsAndOtherStreamsGoOn()
    {
        await using MuxPair pair = await MuxPair.CreateAsync();
        (MuxStream a, MuxStream b) = await pair.OpenAsync();
        Task bulk = SendAsync(a, new byte[4_000_000]);

        (MuxStream small, MuxStream smallAtB) = await pair.OpenAsync();
        await small.WriteAsync("small"u8.ToArray(), Cancellation);
        await smallAtB.ReadExactlyAsync(new byte[5], Cancellation).AsTask().WaitAsync(Patience, Cancellation);

        Assert.False(bulk.IsCompleted);
        Assert.Equal(4_000_000, (await ReadAllAsync(b)).Length);
        await bulk;
    }

    [Theory]
    [InlineData(MuxOptions.MinWindowBytes, MuxOptions.DefaultWindowBytes)]
    [InlineData(MuxOptions.MaxWindowBytes, MuxOptions.MinWindowBytes)]
    public async Task Window_OfEachEnd_IsThatEndsOwn(int windowOfA, int windowOfB)
    {
        await using MuxPair pair = await MuxPair.CreateAsync(new() { WindowBytes = windowOfA }, new() { WindowBytes = windowOfB });
        (MuxStream a, MuxStream b) = await pair.OpenAsync();
        byte[] sent = RandomNumberGenerator.GetBytes(1_000_000);

        Task<byte[]> atA = ReadAllAsync(a);
        Task<byte[]> atB = ReadAllAsync(b);
        await Task.WhenAll(SendAsync(a, sent), SendAsync(b, sent)).WaitAsync(Patience, Cancellation);

        Assert.Equal(sent, await atA);
        Assert.Equal(sent, await atB);
    }

    [Fact]
    public async Task Abort_WithBytesUnread_BothEndsSeeAnError()
    {
        await using MuxPair pair = await MuxPair.CreateAsync();
        (MuxStream a, MuxStream b) = await pair.OpenAsync();

        a.Abort();

        _ = await Assert.ThrowsAsync<MuxException>(async () => await ReadOneAsync(a));
        _ = await Assert.ThrowsAsync<MuxException>(async () => await ReadOneAsync(b));
        await Assert.ThrowsAsync<MuxException>(() => SendAsync(b, new byte[4_000_000]).WaitAsync(Patience, Cancellation));
    }

    [Fact]
    public async Task Dispose_WhileTheOtherEndSends_StopsIt()
    {
        await using MuxPair pair = await MuxPair.CreateAsync();
        (MuxStream a, MuxStream b) = await pair.OpenAsync();
        Task bulk = SendAsync(b, new byte[8_000_000]);
        await a.ReadExactlyAsync(new byte[1000], Cancellation);

        await a.DisposeAsync();

        _ = await Assert.ThrowsAsync<MuxException>(() => bulk.WaitAsync(Patience, Cancellation));
    }

    [Fact]
    public async Task Dispose_WithAReadUnderWay_EndsTheRead()
    {
        await using MuxPair pair = await MuxPair.CreateAsync();
        (MuxStream a, _) = await pair.OpenAsync();
        Task<int> reading = ReadOneAsync(a).AsTask();

        await a.DisposeAsync();

        Assert.Equal(0, await reading.WaitAsync(Patience, Cancellation));
    }

    [Fact]
    public async Task Streams_OverBothWays_MakeRoomForOthers()
    {
        const int Limit = 4;
        await using MuxPair pair = await MuxPair.CreateAsync(optionsOfB: new() { MaxStreams = Limit });
        for (int i = 0; i < 20 * Limit; i++)
        {
            (MuxStream a, MuxStream b) = await pair.OpenAsync();
            a.EndWrites();
            Assert.Equal(0, await ReadOneAsync(b));
            b.EndWrites();
            Assert.Equal(0, await ReadOneAsync(a));
        }
    }

    [Fact]
    public async Task Streams_BeyondTheLimit_AreRefusedAndOthersLive()
    {
        const int Limit = 3;
        await using MuxPair pair = await MuxPair.CreateAsync(optionsOfB: new() { MaxStreams = Limit });
        List<MuxStream> open = [];
        for (int i = 0; i < Limit; i++)
        {
            open.Add((await pair.OpenAsync()).A);
        }

        MuxStream tooMany = await pair.A.OpenStreamAsync(Cancellation);

        MuxException refused = await Assert.ThrowsAsync<MuxException>(async () => await ReadOneAsync(tooMany));
        Assert.Contains("refused", refused.Message, StringComparison.Ordinal);
        await open[0].WriteAsync(new byte[1], Cancellation);
        Assert.False(pair.A.Completion.IsCompleted);
    }

    [Fact]
    public async Task DisposeSession_WithStreamsOpen_ReadersSeeNoFalseEnd()
    {
        await using MuxPair pair = await MuxPair.CreateAsync();
        (MuxStream a, MuxStream b) = await pair.OpenAsync();
        await a.WriteAsync("half of it"u8.ToArray(), Cancellation);
        await b.ReadExactlyAsync(new byte[10], Cancellation);

        await pair.A.DisposeAsync();

        MuxException ended = await Assert.ThrowsAsync<MuxException>(async () => await ReadOneAsync(b));
        Assert.Contains("ended the session", ended.Message, StringComparison.Ordinal);
        await pair.B.Completion.WaitAsync(Patience, Cancellation);
        _ = await Assert.ThrowsAsync<MuxException>(async () => await pair.B.OpenStreamAsync(Cancellation));
        _ = await Assert.ThrowsAsync<MuxException>(async () => await pair.B.AcceptStreamAsync(Cancellation));
    }

    private static async Task AskAsync(MuxChannel mux, int number)
    {
        await using MuxStream stream = await mux.OpenStreamAsync(Cancellation);
        byte[] sent = [.. Enumerable.Range(0, 1 + (number * 97)).Select(i => unchecked((byte)(i + number)))];
        await SendAsync(stream, sent);
        Assert.Equal(sent, await ReadAllAsync(stream));
    }

    private static async Task EchoAsync(MuxChannel mux, int count)
    {
        List<Task> all = [];
        for (int i = 0; i < count; i++)
        {
            MuxStream stream = await mux.AcceptStreamAsync(Cancellation);
            all.Add(Task.Run(
                async () =>
                {
                    await stream.CopyToAsync(stream, Cancellation);
                    await stream.DisposeAsync();
                },
                Cancellation));
        }

        await Task.WhenAll(all);
    }

    /// <summary>1, or 0 at the end.</summary>
    private static ValueTask<int> ReadOneAsync(MuxStream stream)
        => stream.ReadAtLeastAsync(new byte[1], 1, throwOnEndOfStream: false, Cancellation);

    private static async Task SendAsync(MuxStream stream, byte[] bytes)
    {
        await stream.WriteAsync(bytes, Cancellation);
        stream.EndWrites();
    }

    private static async Task<byte[]> ReadAllAsync(MuxStream stream)
    {
        using MemoryStream all = new();
        await stream.CopyToAsync(all, Cancellation);
        return all.ToArray();
    }
}
