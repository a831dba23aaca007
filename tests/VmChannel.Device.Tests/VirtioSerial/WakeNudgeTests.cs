using VmChannel.Device.VirtioSerial;
using VmChannel.Testing;
using VmChannel.Wire.VirtioConsole;
using Xunit;

namespace VmChannel.Device.Tests.VirtioSerial;

/// <summary>Linux forgets a writer that sleeps on a full ring while somebody polls: a redundant PORT_OPEN wakes it.</summary>
public sealed class WakeNudgeTests
{
    private const int RingSize = 16;

    [Fact]
    public void Nudge_FullThenHalfEmpty_IsSentOnce()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(1);
        using Guest guest = new(rig, ringSize: RingSize);
        SerialRig.Open(guest.Driver, 1);
        Fill(rig, guest, end, RingSize);
        rig.Thread.Invoke(() => end.Allow(7 * 100));
        Wait.Until(() => guest.Driver.Output(1).Ring.UsedWaiting == 7, "less than half");
        Assert.Equal(0, Nudges(rig));
        rig.Thread.Invoke(() => end.Allow(100));
        Assert.Equal(new ControlMessage(1, ControlEvent.PortOpen, 1), guest.Driver.NextControl().Message);
        rig.Thread.Invoke(() => end.Allow(long.MaxValue));
        Wait.Until(() => guest.Driver.Output(1).Ring.UsedWaiting == RingSize, "all");
        Assert.Equal(1, Nudges(rig));
    }

    [Fact]
    public void Nudge_NeverFull_IsNotSent()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(1);
        using Guest guest = new(rig, ringSize: RingSize);
        SerialRig.Open(guest.Driver, 1);
        Fill(rig, guest, end, RingSize - 1);
        rig.Thread.Invoke(() => end.Allow(long.MaxValue));
        Wait.Until(() => guest.Driver.Output(1).Ring.UsedWaiting == RingSize - 1, "all");
        rig.Thread.Settle();
        Assert.Equal(0, Nudges(rig));
    }

    /// <summary>The device used some chains after the writer looked: in the writer's eyes the ring was full.</summary>
    [Fact]
    public void Nudge_FullOnlyInTheWritersEyes_IsSent()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(1);
        using Guest guest = new(rig, ringSize: RingSize);
        SerialRig.Open(guest.Driver, 1);
        Fill(rig, guest, end, RingSize - 1);

        // The writer has taken nothing back when the device uses four, then adds its last: no entry is free.
        rig.Thread.Invoke(() => end.Allow(400));
        Wait.Until(() => guest.Driver.Output(1).Ring.UsedWaiting == 4, "four");
        DriverQueue output = guest.Driver.Output(1);
        Assert.True(output.Ring.TryAddIndirect([new(guest.FrontEnd.Ram.GuestAddress(output.BufferOf(0)), 100, 0, 0)], out _));
        Assert.Equal(0, output.Ring.Free);
        output.Ring.Publish();
        rig.Thread.Invoke(() => end.Allow(long.MaxValue));
        Wait.Until(() => Nudges(rig) == 1, "the nudge");
    }

    [Fact]
    public void Nudge_SwitchedOff_IsNotSent()
    {
        using SerialRig rig = new(new VirtioSerialSettings(8, WakeNudges: false));
        ScriptedEnd end = rig.Plug(1);
        using Guest guest = new(rig, ringSize: RingSize);
        SerialRig.Open(guest.Driver, 1);
        Fill(rig, guest, end, RingSize);
        rig.Thread.Invoke(() => end.Allow(long.MaxValue));
        Wait.Until(() => guest.Driver.Output(1).Ring.UsedWaiting == RingSize, "all");
        rig.Thread.Settle();
        Assert.Equal(0, Nudges(rig));
    }

    private static void Fill(SerialRig rig, Guest guest, ScriptedEnd end, int chains)
    {
        rig.Thread.Invoke(() => end.Allow(0));
        for (int i = 0; i < chains; i++)
        {
            Assert.True(guest.Driver.Output(1).TrySend(new byte[100]));
        }

        rig.Thread.Settle();
    }

    private static long Nudges(SerialRig rig) => rig.Thread.Invoke(() => rig.Ports[1].Counters.WakeNudges);
}
