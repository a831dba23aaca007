using VmChannel.Native;
using VmChannel.Wire.Virtio;
using Xunit;

namespace VmChannel.Device.Tests.Virtqueues;

/// <summary>Who tells whom, and when not, with and without EVENT_IDX.</summary>
public sealed class VirtqueueNotificationTests
{
    public static TheoryData<int> Formats => [0, (int)VirtioFeatures.EventIndex];

    [Theory]
    [MemberData(nameof(Formats))]
    public void Kick_WhileTheDeviceWaits_IsWantedOnce(int features)
    {
        using RingBench bench = new((VirtioFeatures)features);
        Assert.True(bench.Queue.WaitForDriver(known: 0));
        Add(bench);
        Assert.True(bench.Driver.NeedsKick());
        if (features != 0)
        {
            // The flag form has no memory: it says "kick" until the device runs.
            Add(bench);
            Assert.False(bench.Driver.NeedsKick());
        }
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Kick_WhileTheDeviceWorks_IsNotWanted(int features)
    {
        using RingBench bench = new((VirtioFeatures)features);
        Assert.True(bench.Queue.WaitForDriver(known: 0));
        Add(bench);
        Assert.True(bench.Driver.NeedsKick());
        Assert.Equal(1, bench.Queue.Gather(bench.Batch, 100, 1));
        Add(bench);
        Assert.False(bench.Driver.NeedsKick());
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Kick_BeforeTheDeviceWaits_IsNotWantedButTheChainIsSeen(int features)
    {
        using RingBench bench = new((VirtioFeatures)features, start: 100);
        Add(bench);
        _ = bench.Driver.NeedsKick();
        Assert.False(bench.Queue.WaitForDriver(known: 0));
        Assert.True(bench.Queue.WaitForDriver(known: 1));
    }

    /// <summary>A ring that goes on finds whatever its predecessor left in avail_event or used.flags.</summary>
    [Theory]
    [MemberData(nameof(Formats))]
    public void Kick_AfterARestart_IsWantedAgain(int features)
    {
        using RingBench bench = new((VirtioFeatures)features, start: 500);
        int usedAt = bench.Ram.OffsetOf(bench.Driver.Address(0).Used - bench.Ram.UserAddress(0) + bench.Ram.GuestAddress(0));
        bench.Ram.Words.WriteUInt16(usedAt + SplitLayout.AvailableEvent(bench.Driver.Size), 400);
        bench.Ram.Words.WriteUInt16(usedAt, SplitLayout.Quiet);
        Assert.True(bench.Queue.WaitForDriver(known: 0));
        Add(bench);
        Assert.True(bench.Driver.NeedsKick());
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Call_DriverWantsIt_ComesOncePerBatch(int features)
    {
        using RingBench bench = new((VirtioFeatures)features);
        _ = bench.Driver.EnableCalls();
        Add(bench);
        Add(bench);
        Add(bench);
        Complete(bench, 3);
        Assert.True(bench.TakeCall());
        Assert.Equal(1, bench.Queue.Calls);
    }

    /// <summary>Put off until the indices have wrapped around, as long as the driver takes its chains back itself; then it stops, and must be called.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    public void Call_PutOffForLongerThanAnIndexLasts_IsNotLost(int last)
    {
        const int Chains = 0x10000;
        using RingBench bench = new(VirtioFeatures.EventIndex);
        _ = bench.Driver.EnableCalls();
        for (int i = 0; i < Chains; i++)
        {
            Put(1);
            Assert.Equal(i == 0 ? null : 1, bench.Queue.SkipTakenBack());
            Assert.True(bench.Driver.TryTake(out _, out _));
        }

        Assert.Equal(0, bench.Queue.Calls);
        Put(last);
        Assert.True(bench.Queue.CallIfWanted());
        Assert.True(bench.TakeCall());

        void Put(int count)
        {
            for (int i = 0; i < count; i++)
            {
                Add(bench);
            }

            Assert.Equal(count, bench.Queue.Gather(bench.Batch, long.MaxValue, count));
            bench.Queue.Complete(bench.Batch, count, 0, callsLater: true);
        }
    }

    /// <summary>What the driver names is a number that it may choose.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(0x7fff)]
    [InlineData(0xffff)]
    public void Call_DriverNamesAChainThatIsNotThere_CountsAsTakenBackByNobody(int named)
    {
        using RingBench bench = new(VirtioFeatures.EventIndex);
        Add(bench);
        Assert.Equal(1, bench.Queue.Gather(bench.Batch, long.MaxValue, 1));
        bench.Queue.Complete(bench.Batch, 1, 0, callsLater: true);
        int availableAt = bench.Ram.OffsetOf(bench.Driver.Address(0).Available - bench.Ram.UserAddress(0) + bench.Ram.GuestAddress(0));
        bench.Ram.Words.WriteUInt16(availableAt + SplitLayout.UsedEvent(bench.Driver.Size), (ushort)named);
        Assert.Null(bench.Queue.SkipTakenBack());
        Assert.True(bench.Queue.IsCallDue);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Call_DriverDoesNotWantIt_IsSuppressed(int features)
    {
        using RingBench bench = new((VirtioFeatures)features);
        bench.Driver.DisableCalls();
        Add(bench);
        Complete(bench, 1);
        Assert.False(bench.TakeCall());
        Assert.Equal((0, 1), (bench.Queue.Calls, bench.Queue.SuppressedCalls));
    }

    [Fact]
    public void Call_EventIndexNotReached_IsSuppressedUntilItIs()
    {
        using RingBench bench = new(VirtioFeatures.EventIndex);
        int availableAt = bench.Ram.OffsetOf(bench.Driver.Address(0).Available - bench.Ram.UserAddress(0) + bench.Ram.GuestAddress(0));
        bench.Ram.Words.WriteUInt16(availableAt + SplitLayout.UsedEvent(bench.Driver.Size), 2);
        for (int i = 0; i < 4; i++)
        {
            Add(bench);
        }

        bool[] called = new bool[4];
        for (int i = 0; i < called.Length; i++)
        {
            Complete(bench, 1);
            called[i] = bench.TakeCall();
        }

        Assert.Equal([false, false, true, false], called);
    }

    [Fact]
    public void Call_WithoutDescriptor_GoesInBandOrNowhere()
    {
        using RingBench bench = new(VirtioFeatures.None);
        bench.Queue.Call = null;
        Add(bench);
        Complete(bench, 1);
        List<int> inBand = [];
        bench.Queue.InBandCall = inBand.Add;
        Add(bench);
        Complete(bench, 1);
        Assert.Equal([5], inBand);
    }

    /// <summary>Two threads race the wait against the kick; a chain that nobody is told of would hang it.</summary>
    [Theory]
    [MemberData(nameof(Formats))]
    public void WaitForDriver_RacingDriver_LosesNoChain(int features)
    {
        const int Chains = 30_000;
        using RingBench bench = new((VirtioFeatures)features | VirtioFeatures.InOrder);
        using FileDescriptor kick = EventFd.Create();
        using Epoll epoll = new(1);
        _ = epoll.Add(kick, EpollEvents.In | EpollEvents.EdgeTriggered, 1).OrThrow("watch");
        Thread driver = new(() =>
        {
            for (int i = 0; i < Chains; i++)
            {
                while (bench.Driver.TryTake(out _, out _))
                {
                }

                if (!bench.Driver.TryAdd([bench.Buffer(0, 1)], out _))
                {
                    i--;
                    _ = Thread.Yield();
                    continue;
                }

                bench.Driver.Publish();
                if (bench.Driver.NeedsKick())
                {
                    _ = EventFd.Signal(kick);
                }
            }
        });
        driver.Start();
        Span<EpollEvent> events = stackalloc EpollEvent[1];
        int seen = 0;
        while (seen < Chains)
        {
            int chains = bench.Queue.Gather(bench.Batch, long.MaxValue, 256);
            bench.Queue.Complete(bench.Batch, chains, 0);
            seen += chains;
            if (chains == 0 && bench.Queue.WaitForDriver(known: 0))
            {
                Assert.Equal(1, epoll.Wait(events, 20_000));
            }
        }

        driver.Join();
        Assert.Equal(RingFaultNone, (int)bench.Queue.Fault);
    }

    private const int RingFaultNone = 0;

    private static void Add(RingBench bench)
    {
        Assert.True(bench.Driver.TryAdd([bench.Buffer(0, 8)], out _));
        bench.Driver.Publish();
    }

    private static void Complete(RingBench bench, int chains)
    {
        Assert.True(bench.Queue.Gather(bench.Batch, long.MaxValue, chains) == chains);
        bench.Queue.Complete(bench.Batch, chains, 0);
    }
}
