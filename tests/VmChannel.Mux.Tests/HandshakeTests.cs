using System.Security.Cryptography;

namespace VmChannel.Mux.Tests;

/// <summary>How sessions begin, and begin anew, on channels that still have bytes of earlier ones.</summary>
public sealed class HandshakeTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static CancellationToken Cancellation => MuxPair.Cancellation;

    [Fact]
    public async Task Connect_WithBytesOfAnEarlierSessionBefore_DropsThem()
    {
        (Stream a, Stream b) = ChannelDouble.Create();
        byte[] old = RandomNumberGenerator.GetBytes(100_000);
        old[500] = MuxPreface.FirstByte;
        byte[] oldHello = new byte[MuxPreface.Size];
        new MuxPreface(MuxPrefaceKind.Hello, MuxPreface.CurrentVersion, 0, MuxNonce.Create()).Write(oldHello);
        byte[] oldAck = new byte[MuxPreface.Size];
        new MuxPreface(MuxPrefaceKind.Ack, MuxPreface.CurrentVersion, 0, MuxNonce.Create(), MuxNonce.Create()).Write(oldAck);
        await b.WriteAsync((byte[])[.. old, .. oldHello, .. oldAck, .. oldHello.AsSpan(0, 30)], Cancellation);

        Task<MuxChannel> first = MuxChannel.ConnectAsync(a, null, Cancellation);
        await using MuxChannel atB = await MuxChannel.ConnectAsync(b, null, Cancellation).WaitAsync(Patience, Cancellation);
        await using MuxChannel atA = await first.WaitAsync(Patience, Cancellation);

        await ExpectWorksAsync(atA, atB);
    }

    [Fact]
    public async Task Connect_OtherEndComesMuchLater_StillWorks()
    {
        (Stream a, Stream b) = ChannelDouble.Create();
        Task<MuxChannel> first = MuxChannel.ConnectAsync(a, new() { HelloInterval = TimeSpan.FromMilliseconds(1) }, Cancellation);
        await Task.Delay(300, Cancellation);

        await using MuxChannel atB = await MuxChannel.ConnectAsync(b, null, Cancellation).WaitAsync(Patience, Cancellation);
        await using MuxChannel atA = await first.WaitAsync(Patience, Cancellation);

        await ExpectWorksAsync(atA, atB);
        await Task.Delay(300, Cancellation);
        Assert.Null(atA.EndReason);
        Assert.Null(atB.EndReason);
    }

    [Fact]
    public async Task Connect_ToAnEcho_SaysSo()
    {
        (Stream a, Stream b) = ChannelDouble.Create();
        Task echo = b.CopyToAsync(b, Cancellation);

        MuxException refused = await Assert.ThrowsAsync<MuxException>(
            () => MuxChannel.ConnectAsync(a, null, Cancellation).WaitAsync(Patience, Cancellation));

        Assert.Contains("echo", refused.Message, StringComparison.Ordinal);
        await echo;
    }

    [Fact]
    public async Task Connect_OtherVersion_SaysWhich()
    {
        (Stream a, Stream b) = ChannelDouble.Create();
        await using RawPeer peer = new(b);
        await peer.SendAsync(new MuxPreface(MuxPrefaceKind.Hello, 7, 0, peer.Nonce));

        MuxException refused = await Assert.ThrowsAsync<MuxException>(
            () => MuxChannel.ConnectAsync(a, null, Cancellation).WaitAsync(Patience, Cancellation));

        Assert.Contains("version 7", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Connect_ChannelEnds_SaysSo()
    {
        (Stream a, Stream b) = ChannelDouble.Create();
        await b.DisposeAsync();

        _ = await Assert.ThrowsAsync<MuxException>(() => MuxChannel.ConnectAsync(a, null, Cancellation).WaitAsync(Patience, Cancellation));
    }

    [Fact]
    public async Task Connect_Cancelled_LeavesNothingBehind()
    {
        (Stream a, Stream b) = ChannelDouble.Create();
        using CancellationTokenSource limit = new(TimeSpan.FromMilliseconds(100));

        _ = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => MuxChannel.ConnectAsync(a, null, limit.Token));

        // The channel was closed: its other end comes to an end.
        await b.CopyToAsync(Stream.Null, Cancellation).WaitAsync(Patience, Cancellation);
    }

    [Fact]
    public async Task Restart_AtAFramesEnd_EndsTheOldSessionAtOnce()
    {
        (MuxChannel session, RawPeer peer) = await RawPeer.ConnectAsync();
        await using RawPeer own = peer;

        await peer.SendAsync(new MuxPreface(MuxPrefaceKind.Hello, MuxPreface.CurrentVersion, 0, MuxNonce.Create()));

        await session.Completion.WaitAsync(Patience, Cancellation);
        Assert.True(session.EndReason!.IsPeerRestarted);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(5000)]
    [InlineData(99_999)]
    public async Task Restart_InTheMiddleOfAFrame_IsNoticed(int bytesThatCame)
    {
        (MuxChannel session, RawPeer peer) = await RawPeer.ConnectAsync();
        await using RawPeer own = peer;
        uint id = await HostilePeerTests.FirstIdAsync(session, peer);
        await peer.SendAsync(new MuxFrame(MuxFrameType.Data, MuxFrameFlags.Syn, id, 100_000 + (3 * MuxPreface.Size)), new byte[bytesThatCame]);
        MuxPreface hello = new(MuxPrefaceKind.Hello, MuxPreface.CurrentVersion, 0, MuxNonce.Create());

        await peer.SendAsync(hello);
        await Task.Delay(50, Cancellation);
        await peer.SendAsync(hello);

        await session.Completion.WaitAsync(Patience, Cancellation);
        Assert.True(session.EndReason!.IsPeerRestarted);
    }

    [Fact]
    public async Task Repeated_HelloAndAckOfThisSession_AreNoRestart()
    {
        (MuxChannel session, RawPeer peer) = await RawPeer.ConnectAsync();
        await using MuxChannel ownSession = session;
        await using RawPeer own = peer;

        await peer.SendAsync(new MuxPreface(MuxPrefaceKind.Hello, MuxPreface.CurrentVersion, 0, peer.Nonce));
        await peer.SendAsync(new MuxPreface(MuxPrefaceKind.Ack, MuxPreface.CurrentVersion, 0, MuxNonce.Create()));
        await peer.SendAsync(new MuxFrame(MuxFrameType.Ping, MuxFrameFlags.Syn, 0, 1));

        Assert.Equal(MuxFrameType.Ping, (await peer.ReadFrameAsync()).Type);
        Assert.Null(session.EndReason);
    }

    private static async Task ExpectWorksAsync(MuxChannel a, MuxChannel b)
    {
        MuxStream asked = await a.OpenStreamAsync(Cancellation);
        await asked.WriteAsync("x"u8.ToArray(), Cancellation);
        MuxStream seen = await b.AcceptStreamAsync(Cancellation);
        await seen.ReadExactlyAsync(new byte[1], Cancellation);
    }
}
