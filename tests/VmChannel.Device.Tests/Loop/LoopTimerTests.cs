using VmChannel.Device.Loop;
using VmChannel.Testing;
using Xunit;

namespace VmChannel.Device.Tests.Loop;

public sealed class LoopTimerTests
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(1);

    [Fact]
    public void Set_AfterItFired_FiresAgainAndAllocatesNothing()
    {
        using LoopThread thread = new(new LogLines());
        int fired = 0;
        LoopTimer? timer = null;
        timer = new LoopTimer(() =>
        {
            if (++fired < 100)
            {
                thread.Loop.Set(timer!, Short);
            }
        });
        thread.Invoke(() => thread.Loop.Set(timer, Short));
        Wait.Until(() => thread.Invoke(() => fired) == 100, "a hundred times");
        Assert.False(thread.Invoke(() => timer.IsPending));
        long allocated = thread.Invoke(() =>
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            thread.Loop.Set(timer, Short);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        });
        Assert.Equal(0, allocated);
    }

    [Fact]
    public void Set_WhilePending_KeepsItsTime()
    {
        using LoopThread thread = new(new LogLines());
        int fired = 0;
        using LoopTimer timer = new(() => fired++);
        thread.Invoke(() =>
        {
            thread.Loop.Set(timer, Short);
            thread.Loop.Set(timer, TimeSpan.FromDays(1));
            Assert.True(timer.IsPending);
        });
        Wait.Until(() => thread.Invoke(() => fired) == 1, "the first time");
    }

    [Fact]
    public void Dispose_WhilePending_NeverFires()
    {
        using LoopThread thread = new(new LogLines());
        bool hasFired = false;
        bool isPast = false;
        thread.Invoke(() =>
        {
            thread.Loop.After(Short, () => hasFired = true).Dispose();
            _ = thread.Loop.After(TimeSpan.FromMilliseconds(20), () => isPast = true);
        });
        Wait.Until(() => thread.Invoke(() => isPast), "a later timer");
        Assert.False(hasFired);
    }
}
