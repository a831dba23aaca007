using System.Diagnostics;
using VmChannel.Device.Events;
using VmChannel.Device.Ports;
using VmChannel.Device.VirtioSerial;
using VmChannel.Testing;
using VmChannel.Wire.VirtioConsole;
using Xunit;

namespace VmChannel.Device.Tests.VirtioSerial;

/// <summary>Bytes that wait and do not move are noticed, with the reason; bytes that move, or none, are not.</summary>
public sealed class StallTests
{
    private static readonly VirtioSerialSettings Impatient = new(MaxPorts: 8) { StallAfter = TimeSpan.FromMilliseconds(100) };

    [Fact]
    public void HostEnd_TakesNothing_IsAStallUntilItDoes()
    {
        using SerialRig rig = new(Impatient);
        ScriptedEnd end = rig.Plug(1);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        rig.Thread.Invoke(() => end.Allow(0));
        guest.Driver.Write(1, new byte[1000]);
        Assert.Equal(StallReason.HostEndFull.Describe(), rig.WaitFor(DeviceEventKind.Stalled).Cause);
        Assert.True(rig.Ports[1].State is { Stall: StallReason.HostEndFull, StalledSince: not null });
        Assert.Equal(1, rig.Ports[1].Counters.Stalls);
        rig.Thread.Invoke(() => end.Allow(long.MaxValue));
        Assert.Equal("bytes of the guest", rig.WaitFor(DeviceEventKind.Recovered).Cause);
        Assert.True(rig.Ports[1].State is { Stall: StallReason.None, StalledSince: null });
        Assert.InRange(rig.Ports[1].Counters.ThrottledMilliseconds, 90, 60_000);
    }

    [Fact]
    public void HostEnd_Absent_IsAStallOfItsOwnKind()
    {
        using SerialRig rig = new(Impatient);
        ScriptedEnd end = rig.Plug(1, isHostOpen: false);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        guest.Driver.Write(1, new byte[1000]);
        Assert.Equal(StallReason.NoHostEnd.Describe(), rig.WaitFor(DeviceEventKind.Stalled).Cause);
        rig.Thread.Invoke(() => end.Connect(true));
        _ = rig.WaitFor(DeviceEventKind.Recovered);
        Assert.Equal(0, rig.Ports[1].Counters.Throttles);
    }

    [Fact]
    public void Guest_DoesNotRead_IsAStallUntilItDoes()
    {
        using SerialRig rig = new(Impatient);
        ScriptedEnd end = rig.Plug(1);
        using Guest guest = new(rig, bufferBytes: 64);
        SerialRig.Open(guest.Driver, 1);
        rig.Thread.Invoke(() => end.Give(new byte[64 * 64 + 1]));
        Assert.Equal(StallReason.GuestNotReading.Describe(), rig.WaitFor(DeviceEventKind.Stalled).Cause);
        _ = guest.Driver.Receive(1, (64 * 64) + 1);
        Assert.Equal("bytes for the guest", rig.WaitFor(DeviceEventKind.Recovered).Cause);
    }

    [Fact]
    public void Guest_PostsNoBuffers_IsAStallOfItsOwnKind()
    {
        using SerialRig rig = new(Impatient);
        ScriptedEnd end = rig.Plug(1);
        using Guest guest = new(rig);
        guest.Driver.Send(1, ControlEvent.PortReady, 1);
        guest.Driver.Send(1, ControlEvent.PortOpen, 1);
        rig.Thread.Invoke(() => end.Give([1]));
        Assert.Equal(StallReason.GuestPostedNoBuffers.Describe(), rig.WaitFor(DeviceEventKind.Stalled).Cause);
    }

    [Fact]
    public void BothWays_AtOnce_OneRecoversAndTheOtherRemains()
    {
        using SerialRig rig = new(Impatient);
        ScriptedEnd end = rig.Plug(1);
        using Guest guest = new(rig, bufferBytes: 64);
        SerialRig.Open(guest.Driver, 1);
        rig.Thread.Invoke(() => end.Allow(0));
        guest.Driver.Write(1, new byte[64]);
        rig.Thread.Invoke(() => end.Give(new byte[64 * 64 + 1]));
        Wait.Until(() => rig.EventsSince().Count(each => each == "1 stalled") == 2, "two stalls");
        rig.Thread.Invoke(() => end.Allow(long.MaxValue));
        _ = rig.WaitFor(DeviceEventKind.Recovered);
        Assert.Equal(StallReason.GuestNotReading, rig.Ports[1].State.Stall);
        _ = guest.Driver.Receive(1, (64 * 64) + 1);
        Wait.Until(() => rig.Ports[1].State is { Stall: StallReason.None, StalledSince: null }, "the other");
    }

    /// <summary>A guest that is slow, paused, closed or simply idle waits for nothing.</summary>
    [Fact]
    public void NothingWaits_NoStallIsTold()
    {
        using SerialRig rig = new(Impatient);
        ScriptedEnd end = rig.Plug(1);
        ScriptedEnd closed = rig.Plug(2);
        using Guest guest = new(rig, bufferBytes: 64);
        SerialRig.Open(guest.Driver, 1);
        SerialRig.Open(guest.Driver, 2);

        // All buffers full and not read, but nothing more to give.
        rig.Thread.Invoke(() => end.Give(new byte[64 * 64]));
        rig.Thread.Invoke(() => end.Give([]));

        // Bytes for a port that is closed again.
        guest.Driver.Send(2, ControlEvent.PortOpen, 0);
        rig.Thread.Invoke(() => closed.Give([1]));
        TaskCompletionSource later = new();
        rig.Thread.Invoke(() => _ = rig.Loop.After(10 * Impatient.StallAfter, later.SetResult));
        Wait.Until(() => later.Task.IsCompleted, "ten times the patience");
        Assert.DoesNotContain(rig.Since(), each => each.Kind == DeviceEventKind.Stalled);
    }

    /// <summary>Once everything that waits is told, no timer runs: a stuck port costs no processor time.</summary>
    [Fact]
    public void Stalled_LongAgo_LoopSleeps()
    {
        using SerialRig rig = new(Impatient);
        ScriptedEnd end = rig.Plug(1);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        rig.Thread.Invoke(() => end.Allow(0));
        guest.Driver.Write(1, new byte[1000]);
        _ = rig.WaitFor(DeviceEventKind.Throttled);
        _ = rig.WaitFor(DeviceEventKind.Stalled);
        rig.Thread.Settle();
        long before = rig.Thread.Invoke(() => rig.Loop.Wakeups);
        TaskCompletionSource later = new();
        using Timer timer = new(_ => later.SetResult(), null, 10 * Impatient.StallAfter, Timeout.InfiniteTimeSpan);
        Wait.Until(() => later.Task.IsCompleted, "ten times the patience");
        Assert.InRange(rig.Thread.Invoke(() => rig.Loop.Wakeups) - before, 0, 3);
    }

    /// <summary>A moment is normal; a second is told, once, until all was taken.</summary>
    [Fact]
    public void Throttle_AfterASecond_IsToldOnceAndEnds()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(1);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        TimeSpan longest = TimeSpan.Zero;
        for (int i = 0; i < 50; i++)
        {
            long began = Stopwatch.GetTimestamp();
            rig.Thread.Invoke(() => end.Allow(1));
            guest.Driver.Write(1, new byte[10]);
            rig.Thread.Settle(2);
            rig.Thread.Invoke(() => end.Allow(long.MaxValue));
            Wait.Until(() => end.TakenCount == 10 * (i + 1), "the bytes");
            longest = Stopwatch.GetElapsedTime(began) is TimeSpan elapsed && elapsed > longest ? elapsed : longest;
        }

        // On a machine that stops for a second, a moment can be one.
        int told = Told();
        Assert.True(told == 0 || longest >= TimeSpan.FromSeconds(1), $"{told} told, of {longest} at most");
        Assert.InRange(rig.Ports[1].Counters.Throttles, 1, 50);
        rig.Thread.Invoke(() => end.Allow(1));
        guest.Driver.Write(1, new byte[100]);
        Wait.Until(() => Told() > told, "a throttle to be told");
        Assert.NotNull(rig.Ports[1].State.ThrottledSince);
        rig.Thread.Invoke(() => end.Allow(long.MaxValue));
        _ = rig.WaitFor(DeviceEventKind.Unthrottled);
        Assert.Null(rig.Ports[1].State.ThrottledSince);
        Assert.Equal(told + 1, Told());
        Assert.InRange(rig.Ports[1].Counters.ThrottledMilliseconds, 900, 60_000);

        int Told() => rig.Since().Count(each => each.Kind == DeviceEventKind.Throttled);
    }

    /// <summary>What waits is void when its queue stops.</summary>
    [Fact]
    public void Pause_WhileStalled_Recovers()
    {
        using SerialRig rig = new(Impatient);
        ScriptedEnd end = rig.Plug(1);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        rig.Thread.Invoke(() => end.Allow(0));
        guest.Driver.Write(1, new byte[1000]);
        _ = rig.WaitFor(DeviceEventKind.Stalled);
        guest.FrontEnd.Deactivate(guest.Driver.Queues);
        _ = rig.WaitFor(DeviceEventKind.Recovered);
        guest.FrontEnd.Activate(Guest.Taken(guest.FrontEnd), guest.Driver.Queues, isResume: true);
        Wait.Until(() => rig.EventsSince().Count(each => each == "1 stalled") == 2, "the stall to be noticed again");
    }
}
