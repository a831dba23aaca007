using System.Net.Sockets;
using VmChannel.Device.Channels;
using VmChannel.Native;
using Xunit;

namespace VmChannel.Device.Tests.Chardevs;

public sealed class ChardevAllocationTests
{
    private const int Calls = 10_000;

    [Fact]
    public void ReadAndWrite_TenThousandTimes_AllocateNothing()
    {
        using TemporaryFolder folder = new();
        using ChardevRig rig = ChardevRig.Started($"unix:{folder["s"]},server", isGuestOpen: false);
        using Socket client = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        client.Connect(new UnixDomainSocketEndPoint(folder["s"]));
        rig.WaitOpen();
        client.Send(TemporaryFolder.RandomBytes(Calls));
        (long toGuest, long fromGuest, long allocated) = rig.On(() => Exchange(rig));
        Assert.Equal(Calls, toGuest);
        // A unix socket holds a few hundred messages, however small.
        Assert.InRange(fromGuest, 100, Calls);
        Assert.Equal(0, allocated);
    }

    [Fact]
    public void Write_ToFileTenThousandTimes_AllocatesNothing()
    {
        using TemporaryFolder folder = new();
        using ChardevRig rig = ChardevRig.Started($"file:{folder["out"]}");
        (long _, long fromGuest, long allocated) = rig.On(() => Exchange(rig));
        Assert.Equal(Calls, fromGuest);
        Assert.Equal(0, allocated);
    }

    /// <summary>One byte at a time, both ways, including the calls that can move nothing more.</summary>
    private static (long ToGuest, long FromGuest, long Allocated) Exchange(ChardevRig rig)
    {
        HostEnd end = rig.End;
        Span<IoVector> piece = [rig.Buffer(0, 1)];
        long toGuest = end.Read(piece);
        long fromGuest = end.Write(piece);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 1; i < Calls; i++)
        {
            toGuest += end.Read(piece);
            fromGuest += end.Write(piece);
        }

        return (toGuest, fromGuest, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
