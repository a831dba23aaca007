namespace VmChannel.Mux.Tests;

/// <summary>What a peer that breaks the protocol can do: end its own session, and nothing else.</summary>
public sealed class HostilePeerTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static CancellationToken Cancellation => MuxPair.Cancellation;

    public static TheoryData<string> Breaches => [.. Frames.Keys];

    /// <summary>Each ends the session, with a word about it. The peer's own streams are even or odd as its nonce has it.</summary>
    private static Dictionary<string, Func<uint, byte[]>> Frames => new()
    {
        ["no mux frame"] = _ => [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
        ["no mux frame (type)"] = id => Bytes(new((MuxFrameType)9, MuxFrameFlags.None, id, 0)),
        ["no mux frame (flags)"] = id => Bytes(new(MuxFrameType.Data, (MuxFrameFlags)0x8000, id, 0)),
        ["no mux frame (session data)"] = _ => Bytes(new(MuxFrameType.Data, MuxFrameFlags.None, 0, 4)),
        ["never opened"] = id => Bytes(new(MuxFrameType.Data, MuxFrameFlags.None, id + 100, 4)),
        ["not its to open"] = id => Bytes(new(MuxFrameType.WindowUpdate, MuxFrameFlags.Syn, id + 1, 0)),
        ["not its to open (twice)"] = id =>
            [.. Bytes(new(MuxFrameType.WindowUpdate, MuxFrameFlags.Syn, id, 0)), .. Bytes(new(MuxFrameType.WindowUpdate, MuxFrameFlags.Syn, id, 0))],
        ["more than any window"] = id => Bytes(new(MuxFrameType.Data, MuxFrameFlags.Syn, id, 0x4000_0000)),
        ["than it was allowed to"] = id => Bytes(new(MuxFrameType.Data, MuxFrameFlags.Syn, id, MuxOptions.DefaultWindowBytes + 1)),
        ["than can be"] = id =>
            [.. Bytes(new(MuxFrameType.WindowUpdate, MuxFrameFlags.Syn, id, uint.MaxValue)), .. Bytes(new(MuxFrameType.WindowUpdate, MuxFrameFlags.None, id, uint.MaxValue))],
    };

    [Theory]
    [MemberData(nameof(Breaches))]
    public async Task Breach_EndsTheSessionAndSaysWhy(string breach)
    {
        (MuxChannel session, RawPeer peer) = await RawPeer.ConnectAsync();
        await using RawPeer own = peer;
        uint id = await FirstIdAsync(session, peer);

        await peer.SendAsync(Frames[breach](id));

        await session.Completion.WaitAsync(Patience, Cancellation);
        Assert.Contains(breach.Split(" (")[0], session.EndReason!.Message, StringComparison.Ordinal);
        Assert.Equal((MuxFrameType.GoAway, (uint)GoAwayCode.ProtocolError), await LastWordAsync(peer));
    }

    [Fact]
    public async Task Data_OneFrameOfAWholeWindow_IsTaken()
    {
        (MuxChannel session, RawPeer peer) = await RawPeer.ConnectAsync();
        await using MuxChannel ownSession = session;
        await using RawPeer own = peer;
        uint id = await FirstIdAsync(session, peer);

        Task sending = peer.SendAsync(new MuxFrame(MuxFrameType.Data, MuxFrameFlags.Syn, id, MuxOptions.DefaultWindowBytes), new byte[MuxOptions.DefaultWindowBytes]);
        MuxStream stream = await session.AcceptStreamAsync(Cancellation);
        await stream.ReadExactlyAsync(new byte[MuxOptions.DefaultWindowBytes], Cancellation);

        await sending;
        Assert.Null(session.EndReason);
    }

    [Fact]
    public async Task Pings_WithoutReadingAnswers_EndTheSession()
    {
        (MuxChannel session, RawPeer peer) = await RawPeer.ConnectAsync();
        await using RawPeer own = peer;
        byte[] pings = [.. Enumerable.Repeat(Bytes(new(MuxFrameType.Ping, MuxFrameFlags.Syn, 0, 7)), 5000).SelectMany(bytes => bytes)];

        for (int i = 0; i < 1000 && !session.Completion.IsCompleted; i++)
        {
            try
            {
                await peer.SendAsync(pings);
            }
            catch (IOException)
            {
                break;
            }
        }

        await session.Completion.WaitAsync(Patience, Cancellation);
        Assert.Contains("does not read the answers", session.EndReason!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ping_IsAnsweredWithItsNumber()
    {
        (MuxChannel session, RawPeer peer) = await RawPeer.ConnectAsync();
        await using MuxChannel ownSession = session;
        await using RawPeer own = peer;

        await peer.SendAsync(new MuxFrame(MuxFrameType.Ping, MuxFrameFlags.Syn, 0, 4711));

        Assert.Equal(new MuxFrame(MuxFrameType.Ping, MuxFrameFlags.Ack, 0, 4711), await peer.ReadFrameAsync());
    }

    internal static byte[] Bytes(MuxFrame frame)
    {
        byte[] bytes = new byte[MuxFrame.Size];
        frame.Write(bytes);
        return bytes;
    }

    /// <summary>The first number that is the peer's to use: it is even when the session's own are odd.</summary>
    internal static async Task<uint> FirstIdAsync(MuxChannel session, RawPeer peer)
    {
        _ = await session.OpenStreamAsync(Cancellation);
        return (await peer.ReadFrameAsync()).StreamId == 1 ? 2u : 1u;
    }

    private static async Task<(MuxFrameType Type, uint Code)> LastWordAsync(RawPeer peer)
    {
        MuxFrame frame;
        do
        {
            frame = await peer.ReadFrameAsync();
        }
        while (frame.Type != MuxFrameType.GoAway);
        return (frame.Type, frame.Length);
    }
}
