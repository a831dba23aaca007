using VmChannel.Testing;
using Xunit;

namespace VmChannel.Device.Tests.UsbRedir;

public sealed class AllocationTests
{
    private const int Messages = 20_000;

    [Fact]
    public void TenThousandsOfTransfers_AllocateNothing()
    {
        using UsbRig rig = new(new EndlessEnd());
        using UsbPeer peer = rig.Fetch();
        peer.SetDtr(true);
        byte[] data = new byte[512];
        Exchange(peer, data, 2_000);
        long before = rig.Thread.Invoke(GC.GetAllocatedBytesForCurrentThread);
        Exchange(peer, data, Messages);
        long allocated = rig.Thread.Invoke(GC.GetAllocatedBytesForCurrentThread) - before;

        // The two questions themselves take a little.
        Assert.InRange(allocated, 0, 4096);
        Assert.InRange(rig.Port.Counters.ToGuestMessages, Messages, long.MaxValue);
        Assert.InRange(rig.Port.Counters.FromGuestMessages, Messages, long.MaxValue);
    }

    private static void Exchange(UsbPeer peer, byte[] data, int count)
    {
        for (int i = 0; i < count; i++)
        {
            peer.SubmitOut((ulong)i, data);
            peer.SubmitIn((ulong)i, 512);
            _ = peer.Receive();
            _ = peer.Receive();
        }
    }
}
