using VmChannel.Native;
using Xunit;

namespace VmChannel.Device.Tests;

public sealed class SchedulingSliceTests
{
    [Fact]
    public void Set_OnAThread_IsThatThreadsAlone()
    {
        TimeSpan before = SchedulingSlice.Current;
        Assert.SkipWhen(before == TimeSpan.Zero, "this kernel has no slices: Linux 6.12 or later");
        PosixResult result = default;
        TimeSpan own = default;
        Thread thread = new(() =>
        {
            result = SchedulingSlice.Set(TimeSpan.FromMilliseconds(0.5));
            own = SchedulingSlice.Current;
        });

        thread.Start();
        thread.Join();

        Assert.True(result.IsSuccess, result.Message);
        Assert.Equal(TimeSpan.FromMilliseconds(0.5), own);
        Assert.Equal(before, SchedulingSlice.Current);
    }
}
