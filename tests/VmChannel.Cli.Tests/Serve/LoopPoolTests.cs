using VmChannel.Cli.Serve;
using VmChannel.Device.Loop;
using VmChannel.Native;
using Xunit;

namespace VmChannel.Cli.Tests.Serve;

public sealed class LoopPoolTests
{
    [Fact]
    public async Task Take_MoreThanThereMayBe_SharesTheLeastUsed()
    {
        using LogFactory log = new();
        LoopPool pool = new(new(2, TimeSpan.Zero), log);
        DeviceLoop[] loops = [pool.Take(), pool.Take(), pool.Take(), pool.Take()];

        Assert.Equal(2, pool.Count);
        Assert.All(loops.Distinct(), loop => Assert.Equal(2, loops.Count(other => other == loop)));
        Assert.All(await Task.WhenAll(loops.Select(loop => loop.InvokeAsync(() => 1))), one => Assert.Equal(1, one));
        Array.ForEach(loops, pool.Return);
        Assert.Equal(0, pool.Count);
    }

    [Fact]
    public async Task Loop_OnItsThread_HasAShorterSliceThanOthers()
    {
        Assert.SkipWhen(SchedulingSlice.Current == TimeSpan.Zero, "this kernel has no slices: Linux 6.12 or later");
        using LogFactory log = new();
        LoopPool pool = new(new(1, TimeSpan.Zero), log);
        DeviceLoop loop = pool.Take();

        Assert.InRange(await loop.InvokeAsync(() => SchedulingSlice.Current), TimeSpan.FromMilliseconds(0.1), TimeSpan.FromMilliseconds(0.5));
        pool.Return(loop);
    }

    [Fact]
    public async Task Return_WithAnotherUser_KeepsTheLoop()
    {
        using LogFactory log = new();
        LoopPool pool = new(new(1, TimeSpan.Zero), log);
        DeviceLoop loop = pool.Take();
        Assert.Same(loop, pool.Take());

        pool.Return(loop);
        Assert.Equal(2, await loop.InvokeAsync(() => 2));
        pool.Return(loop);
        Assert.Equal(0, pool.Count);
    }
}
