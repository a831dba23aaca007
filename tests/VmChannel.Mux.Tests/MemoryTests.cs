namespace VmChannel.Mux.Tests;

/// <summary>What sessions hold on to. Alone: memory is counted for the whole process.</summary>
[Collection(nameof(MemoryTests))]
[CollectionDefinition(nameof(MemoryTests), DisableParallelization = true)]
public sealed class MemoryTests
{
    private static CancellationToken Cancellation => MuxPair.Cancellation;

    [Fact]
    public async Task Streams_OpenedAndAbortedWithoutEnd_TakeNoMemory()
    {
        (MuxChannel session, RawPeer peer) = await RawPeer.ConnectAsync(new() { MaxStreams = 8 });
        await using MuxChannel ownSession = session;
        await using RawPeer own = peer;
        uint id = await HostilePeerTests.FirstIdAsync(session, peer);

        long before = GC.GetTotalMemory(forceFullCollection: true);
        for (int round = 0; round < 400; round++)
        {
            List<byte> frames = [];
            for (int i = 0; i < 50; i++, id += 2)
            {
                frames.AddRange(HostilePeerTests.Bytes(new(MuxFrameType.WindowUpdate, MuxFrameFlags.Syn, id, 0)));
                frames.AddRange(HostilePeerTests.Bytes(new(MuxFrameType.WindowUpdate, MuxFrameFlags.Rst, id, 0)));
            }

            frames.AddRange(HostilePeerTests.Bytes(new(MuxFrameType.Ping, MuxFrameFlags.Syn, 0, (uint)round)));
            await peer.SendAsync([.. frames]);
            while ((await peer.ReadFrameAsync()).Type != MuxFrameType.Ping)
            {
            }
        }

        Assert.Null(session.EndReason);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 8 << 20);
    }
}
