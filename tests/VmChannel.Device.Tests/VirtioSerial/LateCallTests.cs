using Microsoft.Extensions.Logging.Abstractions;
using VmChannel.Device.Loop;
using VmChannel.Device.Tests.Virtqueues;
using VmChannel.Device.VirtioSerial;
using VmChannel.Wire.Virtio;
using Xunit;

namespace VmChannel.Device.Tests.VirtioSerial;

/// <summary>When a late call is made and when it is put off, turn by turn, without a clock.</summary>
public sealed class LateCallTests : IDisposable
{
    private const int RingSize = 8;

    private readonly DeviceLoop _loop = new(NullLogger<DeviceLoop>.Instance);

    [Theory]
    [InlineData(0)]
    [InlineData((int)VirtioFeatures.EventIndex)]
    public void DriverThatStops_IsCalled(int features)
    {
        using RingBench bench = Bench(features);
        LateCall late = new(_loop);
        Complete(bench, late);
        Assert.False(bench.TakeCall());
        _ = late.Run();
        Assert.True(bench.TakeCall());
    }

    /// <summary>As Linux does it at each write, however long that goes on.</summary>
    [Fact]
    public void DriverThatTakesBuffersBackItself_IsNotCalledUntilItStops()
    {
        using RingBench bench = Bench((int)VirtioFeatures.EventIndex);
        LateCall late = new(_loop);
        Complete(bench, late);
        for (int i = 0; i < 100; i++)
        {
            Assert.True(bench.Driver.TryTake(out _, out _));
            Complete(bench, late);
            _ = late.Run();
            Assert.False(bench.TakeCall());
        }

        _ = late.Run();
        Assert.True(bench.TakeCall());
    }

    /// <summary>Whether a used buffer is left at the moment is chance: the driver may have taken the last one back just before.</summary>
    [Theory]
    [InlineData(0, false)]
    [InlineData(1, true)]
    [InlineData(2, true)]
    public void DriverThatTookBuffersBack_IsKnownToNeedNoCall(int takenBack, bool isPutOff)
    {
        using RingBench bench = Bench((int)VirtioFeatures.EventIndex);
        LateCall late = new(_loop);
        Complete(bench, late);
        Complete(bench, late);
        for (int i = 0; i < takenBack; i++)
        {
            Assert.True(bench.Driver.TryTake(out _, out _));
        }

        _ = late.Run();
        Assert.Equal(isPutOff, late.IsPutOff);
        Assert.Equal(!isPutOff, bench.TakeCall());
    }

    /// <summary>More than fit the ring, all between two looks.</summary>
    [Fact]
    public void DriverThatTakesBuffersBackItself_MayWaitHoweverManyThereWere()
    {
        using RingBench bench = Bench((int)VirtioFeatures.EventIndex);
        LateCall late = new(_loop);
        for (int i = 0; i < 10 * RingSize; i++)
        {
            Complete(bench, late);
            Assert.True(bench.Driver.TryTake(out _, out _));
        }

        Assert.False(bench.TakeCall());
    }

    [Fact]
    public void DriverThatTakesNothingBack_IsCalledWhenHalfTheRingIsUsed()
    {
        using RingBench bench = Bench((int)VirtioFeatures.EventIndex);
        LateCall late = new(_loop);
        for (int i = 0; i < RingSize / 2; i++)
        {
            Complete(bench, late);
        }

        Assert.True(bench.TakeCall());
    }

    [Fact]
    public void QueueThatStops_IsCalledFor()
    {
        using RingBench bench = Bench((int)VirtioFeatures.EventIndex);
        LateCall late = new(_loop);
        Complete(bench, late);
        Assert.True(bench.Driver.TryTake(out _, out _));
        Complete(bench, late);
        late.Settle();
        Assert.True(bench.TakeCall());
    }

    public void Dispose() => _loop.Dispose();

    private static RingBench Bench(int features)
    {
        RingBench bench = new((VirtioFeatures)features, RingSize);
        _ = bench.Driver.EnableCalls();
        return bench;
    }

    /// <summary>One buffer of the driver, as a port's turn completes it.</summary>
    private static void Complete(RingBench bench, LateCall late)
    {
        Assert.True(bench.Driver.TryAdd([bench.Buffer(0, 1)], out _));
        bench.Driver.Publish();
        Assert.Equal(1, bench.Queue.Gather(bench.Batch, long.MaxValue, 1));
        late.OnBuffers(1);
        bool isLate = late.MayWait(bench.Queue, occupied: 0);
        bench.Queue.Complete(bench.Batch, 1, 0, isLate);
        if (isLate)
        {
            late.Postpone(bench.Queue);
        }
    }
}
