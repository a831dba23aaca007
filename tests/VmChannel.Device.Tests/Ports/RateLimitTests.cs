using System.Diagnostics;
using VmChannel.Device.Ports;
using VmChannel.Device.Tests.VirtioSerial;
using VmChannel.Testing;
using Xunit;

namespace VmChannel.Device.Tests.Ports;

/// <summary>A port with <c>rate=</c>, on a whole device.</summary>
public sealed class RateLimitTests
{
    private const int Rate = 1_000_000;

    [Fact]
    public void BothDirections_AlwaysBusy_EachKeepTheRateAndLoseNothing()
    {
        const int Count = 1_500_000;
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(Limited(1));
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        byte[] toHost = Guest.Bytes(Count, 1);
        byte[] toGuest = Guest.Bytes(Count, 2);
        Stopwatch watch = Stopwatch.StartNew();
        rig.Thread.Invoke(() => end.Give(toGuest));
        List<byte> received = [];
        TimeSpan outputTime = default;
        int sent = 0;
        Wait.Until(
            () =>
            {
                while (sent < Count && guest.Driver.Output(1).TrySend(toHost.AsSpan(sent, Math.Min(3000, Count - sent))))
                {
                    sent += Math.Min(3000, Count - sent);
                }

                guest.Driver.Receive(1, received);
                outputTime = outputTime == default && end.TakenCount == Count ? watch.Elapsed : outputTime;
                return received.Count == Count && outputTime != default;
            },
            "both streams");
        TimeSpan inputTime = watch.Elapsed;

        // What it may not be faster than is certain, whatever else this machine does: the rate and a tenth of a second's worth.
        TimeSpan least = TimeSpan.FromSeconds(((double)Count / Rate) - 0.1);
        Assert.True(outputTime >= least, $"{outputTime} from the guest");
        Assert.True(inputTime >= least, $"{inputTime} to the guest");
        Assert.Equal(toHost, end.Taken);
        Assert.Equal(toGuest, received);
    }

    [Fact]
    public void ThrottledSince_BusyPort_IsToldUntilItIsCalm()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(Limited(1));
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        guest.Driver.Write(1, new byte[100]);
        Wait.Until(() => end.TakenCount == 100, "a little");
        Assert.Null(rig.Thread.Invoke(() => rig.Ports[1].ThrottledSince));
        DateTimeOffset before = DateTimeOffset.UtcNow;
        guest.Driver.Write(1, new byte[50 * 4096]);
        DateTimeOffset? since = null;
        Wait.Until(
            () =>
            {
                since = rig.Thread.Invoke(() => rig.Ports[1].ThrottledSince) ?? since;
                return end.TakenCount == 100 + (50 * 4096);
            },
            "more than a tenth of a second's worth");
        Assert.InRange(since!.Value, before, DateTimeOffset.UtcNow);
        Wait.Until(() => !rig.Thread.Invoke(() => rig.Ports[1].IsThrottled), "calm");
    }

    [Fact]
    public void OtherPort_BesideAThrottledOne_IsNotDelayed()
    {
        using SerialRig rig = new();
        ScriptedEnd slow = rig.Plug(new PortSpec(1, "slow") { Limits = new PortLimits { BytesPerSecond = 10 } });
        ScriptedEnd other = rig.Plug(2);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        SerialRig.Open(guest.Driver, 2);
        guest.Driver.Write(1, new byte[40_000]);
        byte[] bytes = Guest.Bytes(200_000, 3);
        int sent = 0;
        Wait.Until(
            () =>
            {
                while (sent < bytes.Length && guest.Driver.Output(2).TrySend(bytes.AsSpan(sent, 4000)))
                {
                    sent += 4000;
                }

                return other.TakenCount == bytes.Length;
            },
            "the other port");
        Assert.Equal(bytes, other.Taken);

        // At ten bytes a second it has hours to go.
        Assert.InRange(slow.TakenCount, 0, 1000);
    }

    [Fact]
    public void Direction_OneThrottled_LeavesTheOtherAlone()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(Limited(1) with { Limits = new PortLimits { BytesPerSecond = 2000 } });
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        guest.Driver.Write(1, new byte[40_000]);
        Wait.Until(() => rig.Thread.Invoke(() => rig.Ports[1].IsThrottled), "a throttled port");
        rig.Thread.Invoke(() => end.Give("not held back"u8));
        Assert.Equal("not held back"u8.ToArray(), guest.Driver.Receive(1, 13));
        Assert.InRange(end.TakenCount, 0, 39_999);
    }

    [Fact]
    public void Throttled_AsleepAndIdle_WakesTheLoopFewTimes()
    {
        using SerialRig rig = new();
        _ = rig.Plug(Limited(1) with { Limits = new PortLimits { BytesPerSecond = 2000 } });
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        guest.Driver.Write(1, new byte[40_000]);
        long before = rig.Thread.Invoke(() => rig.Loop.Wakeups);
        _ = TestContext.Current.CancellationToken.WaitHandle.WaitOne(500);

        // Twenty times a second are meant.
        Assert.InRange(rig.Thread.Invoke(() => rig.Loop.Wakeups) - before, 0, 60);
    }

    [Fact]
    public void Console_WithoutMultiPort_IsNeverHeldBack()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(new PortSpec(1, "only") { Limits = new PortLimits { BytesPerSecond = 1 } });
        rig.Thread.Invoke(() => rig.Ports[1].TreatAsConsole(true));
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        guest.Driver.Write(1, new byte[40_000]);
        Wait.Until(() => end.TakenCount == 40_000, "all of it");
    }

    [Fact]
    public void TenThousandMessages_Throttled_AllocateNothing()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(Limited(1) with { Limits = new PortLimits { BytesPerSecond = 200_000 } });
        end.DiscardsTaken = true;
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        Stopwatch watch = Stopwatch.StartNew();
        Send(guest, end, 4000);
        long before = rig.Thread.Invoke(GC.GetAllocatedBytesForCurrentThread);
        Send(guest, end, 10_000);

        // From the start: a pause between the two would let some of the second pass at once.
        Assert.True(watch.Elapsed > TimeSpan.FromSeconds(1), "it was not throttled");
        long after = rig.Thread.Invoke(GC.GetAllocatedBytesForCurrentThread);
        Assert.InRange(after - before, 0, 4096);
    }

    private static PortSpec Limited(int number)
        => new(number, $"test.port{number}") { Limits = new PortLimits { BytesPerSecond = Rate } };

    private static void Send(Guest guest, ScriptedEnd end, int messages)
    {
        long target = end.TakenCount + (messages * 16L);
        ReadOnlySpan<byte> message = stackalloc byte[16];
        for (int i = 0; i < messages;)
        {
            if (guest.Driver.Output(1).TrySend(message))
            {
                i++;
            }
            else
            {
                _ = Thread.Yield();
            }
        }

        Wait.Until(() => end.TakenCount == target, "all messages");
    }
}
