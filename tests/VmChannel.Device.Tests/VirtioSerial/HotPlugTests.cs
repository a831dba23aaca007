using System.Runtime.CompilerServices;
using VmChannel.Device.Chardevs;
using VmChannel.Device.Events;
using VmChannel.Device.Ports;
using VmChannel.Device.VirtioSerial;
using VmChannel.Native;
using VmChannel.Testing;
using VmChannel.Testing.FrontEnds;
using VmChannel.Wire.VirtioConsole;
using Xunit;

namespace VmChannel.Device.Tests.VirtioSerial;

/// <summary>Ports that come and go while a guest runs and uses them.</summary>
public sealed class HotPlugTests
{
    [Fact]
    public void Plug_BeyondTheDevice_IsRefusedWithTheNumber()
    {
        using SerialRig rig = new();
        PlugException refused = Assert.Throws<PlugException>(() => rig.Plug(8));
        Assert.Contains("port 8 (test.port8) cannot be plugged in: the device was made for ports 0 to 7; restart it with --max-ports 9", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Plug_NumberTaken_SaysByWhom()
    {
        using SerialRig rig = new();
        _ = rig.Plug(1);
        PlugException refused = Assert.Throws<PlugException>(() => rig.Plug(new PortSpec(1, "another")));
        Assert.Contains("taken by port 1 (test.port1)", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Plug_BeyondTheFrontEnd_IsRefusedWhileItIsThere()
    {
        using SerialRig rig = new();
        _ = rig.Plug(1);
        _ = rig.Plug(6);
        using GuestRam ram = new(32 << 20);
        QemuFrontEnd frontEnd = new(rig.Connect(), ram, queueCount: 8);
        frontEnd.Realize();
        Assert.Equal(3, frontEnd.ReadMaxPorts());
        Assert.Equal(6, rig.WaitFor(DeviceEventKind.NotCarried).Port);
        PlugException refused = Assert.Throws<PlugException>(() => rig.Plug(4));
        Assert.Contains("carries ports 0 to 2; take a number below 3, or restart the VM with 12 queues", refused.Message, StringComparison.Ordinal);
        _ = rig.Plug(2);
        frontEnd.Dispose();
        Wait.Until(() => !rig.IsConnected, "the hang-up");
        _ = rig.Plug(4);
    }

    /// <summary>Linux answers each PORT_ADD in order: the first answer after a quick re-plug is about the port that is gone.</summary>
    [Fact]
    public void Replug_BeforeTheDriverAnswered_TheFirstAnswerIsNotForTheNewPort()
    {
        using SerialRig rig = new();
        using Guest guest = new(rig);
        _ = rig.Plug(1);
        _ = guest.Driver.Expect(ControlEvent.PortAdd, 1);
        rig.Unplug(1);
        ScriptedEnd end = rig.Plug(1);
        long before = rig.Journal.Last;

        // The driver works through what it got: the first port comes to life and is opened before it hears of the removal.
        _ = guest.Driver.Input(1).Post(int.MaxValue);
        guest.Driver.Send(1, ControlEvent.PortReady, 1);
        guest.Driver.Send(1, ControlEvent.PortOpen, 1);
        rig.Thread.Settle();
        Assert.False(rig.Ports[1].State.IsReady);
        Assert.False(rig.Ports[1].State.IsGuestOpen);
        guest.Driver.Send(1, ControlEvent.PortReady, 1);
        rig.Thread.Settle();
        Assert.True(rig.Ports[1].State.IsReady);
        Assert.False(rig.Ports[1].State.IsGuestOpen);
        guest.Driver.Send(1, ControlEvent.PortOpen, 1);
        rig.Thread.Settle();
        Assert.Equal(["1 ready", "1 named", "1 guest-opened"], rig.EventsSince(before));
        rig.Thread.Invoke(() => end.Give([5]));
        Assert.Equal([5], guest.Driver.Receive(1, 1));
    }

    /// <summary>A driver that never answered, because it never heard of the first port, is not waited for.</summary>
    [Fact]
    public void Replug_BeforeTheDriverHeardOfIt_OneAnswerIsEnough()
    {
        using SerialRig rig = new();
        using Guest guest = new(rig);
        guest.FrontEnd.Deactivate(guest.Driver.Queues);
        _ = rig.Plug(1);
        rig.Unplug(1);
        _ = rig.Plug(1);
        guest.FrontEnd.Activate(Guest.Taken(guest.FrontEnd), guest.Driver.Queues, isResume: true);
        _ = guest.Driver.Expect(ControlEvent.PortAdd, 1);
        SerialRig.Open(guest.Driver, 1);
        rig.Thread.Settle();
        Assert.True(rig.Ports[1].State is { IsReady: true, IsGuestOpen: true });
    }

    /// <summary>What the last owner of the number left on the ring is not the new one's.</summary>
    [Fact]
    public void Replug_BytesOfTheOldPortOnTheRing_AreNotDeliveredToTheNew()
    {
        using SerialRig rig = new();
        ScriptedEnd first = rig.Plug(1);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        rig.Thread.Invoke(() => first.Allow(10));
        guest.Driver.Write(1, Guest.Bytes(3 * 4096, 1));
        Wait.Until(() => first.TakenCount == 10, "the first part");
        rig.Unplug(1);
        ScriptedEnd second = rig.Plug(1);
        _ = guest.Driver.Expect(ControlEvent.PortAdd, 1);

        // Written by a program that has not noticed yet, and not kicked: the ring has it when the new port gets ready.
        Assert.True(guest.Driver.Output(1).TryWrite([66, 66]));
        SerialRig.Open(guest.Driver, 1);
        guest.Driver.Write(1, [1, 2, 3]);
        Wait.Until(() => second.TakenCount >= 3, "the new port's bytes");
        rig.Thread.Settle();
        Assert.Equal([1, 2, 3], rig.Thread.Invoke(second.Taken.ToArray));
        Assert.Equal((3 * 4096) + 2, rig.Device.Counters.LostBytes);
    }

    [Fact]
    public void Unplug_OpenAndFullAndStalled_IsToldInOrderAndFreesTheRing()
    {
        using SerialRig rig = new(new VirtioSerialSettings(MaxPorts: 8) { StallAfter = TimeSpan.FromMilliseconds(50) });
        ScriptedEnd end = rig.Plug(1);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        rig.Thread.Invoke(() => end.Allow(0));
        DriverQueue queue = guest.Driver.Output(1);
        while (queue.TrySend(new byte[100]))
        {
        }

        long before = rig.WaitFor(DeviceEventKind.Stalled).Sequence;
        rig.Unplug(1);
        Assert.True(end.IsDisposed);
        Assert.Equal(new ControlMessage(1, ControlEvent.PortRemove, 1), guest.Driver.NextControl().Message);
        Wait.Until(() => queue.Ring.UsedWaiting == queue.Ring.Size, "all buffers back");
        Assert.Equal(["1 guest-closed", "1 recovered", "1 unplugged"], rig.EventsSince(before));
        Assert.Equal("it was unplugged", rig.WaitFor(DeviceEventKind.GuestClosed).Cause);
    }

    /// <summary>A thousand ports that live a moment beside one that is busy: nothing is left of them, and it never notices.</summary>
    [Fact]
    public void Cycles_AThousandUnderTraffic_LeakNothing()
    {
        const int Cycles = 1000;
        using SerialRig rig = new();
        ScriptedEnd busy = rig.Plug(2);
        using Guest guest = new(rig, ringSize: 16, bufferBytes: 256);
        SerialRig.Open(guest.Driver, 2);
        busy.DiscardsTaken = true;
        byte[] traffic = new byte[256];
        long sent = 0;
        List<WeakReference> ports = [];
        for (int cycle = 0; cycle < Cycles; cycle++)
        {
            ports.Add(cycle % 2 == 0 ? CycleOfADescriptor(rig, guest.Driver) : Cycle(rig, guest.Driver, cycle));
            guest.Driver.Write(2, traffic);
            sent += traffic.Length;
        }

        Wait.Until(() => busy.TakenCount == sent, "the busy port's bytes");
        rig.Thread.Settle();
        GC.Collect();
        Assert.InRange(ports.Count(port => port.IsAlive), 0, 5);
        string[] kinds = [.. rig.EventsSince().Where(each => each.StartsWith("1 ", StringComparison.Ordinal))];
        Assert.Equal(Cycles, kinds.Count(each => each == "1 plugged"));
        Assert.Equal(Cycles, kinds.Count(each => each == "1 unplugged"));
        Assert.Equal(Cycles, kinds.Count(each => each == "1 guest-opened"));
        Assert.Equal(Cycles, kinds.Count(each => each == "1 guest-closed"));
        Assert.Equal(
            Enumerable.Range(0, 2 * Cycles).Select(at => at % 2 == 0 ? "1 plugged" : "1 unplugged"),
            kinds.Where(each => each.EndsWith("plugged", StringComparison.Ordinal)));
        Assert.Equal(0, rig.Device.Counters.ControlBacklog);
    }

    /// <summary>One port's life: unplugged while it is half delivered and full, or has bytes for the guest.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference Cycle(SerialRig rig, SerialDriver driver, int cycle)
    {
        ScriptedEnd end = rig.Plug(1);
        WeakReference port = new(rig.Ports[1]);
        _ = driver.Expect(ControlEvent.PortAdd, 1);
        SerialRig.Open(driver, 1);
        if (cycle % 4 == 1)
        {
            rig.Thread.Invoke(() => end.Allow(1));
            while (driver.Output(1).TrySend(new byte[100]))
            {
            }
        }
        else
        {
            rig.Thread.Invoke(() => end.Give(new byte[100]));
        }

        Unplug(rig, driver);
        return port;
    }

    /// <summary>The same with a socket, whose other end sees that it is closed.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference CycleOfADescriptor(SerialRig rig, SerialDriver driver)
    {
        (FileDescriptor ours, FileDescriptor theirs) = UnixSocket.Pair();
        using FileDescriptor peer = ours;
        rig.Plug(new PortSpec(1, "test.port1"), new FdChardev(rig.Loop, theirs.Number, rig.Log));
        theirs.Dispose();
        WeakReference port = new(rig.Ports[1]);
        _ = driver.Expect(ControlEvent.PortAdd, 1);
        SerialRig.Open(driver, 1);
        driver.Write(1, [1, 2, 3]);
        byte[] buffer = new byte[16];
        Assert.Equal(3, peer.Read(buffer).Value);
        Unplug(rig, driver);
        Assert.Equal(0, peer.Read(buffer).Value);
        return port;
    }

    private static void Unplug(SerialRig rig, SerialDriver driver)
    {
        rig.Unplug(1);
        _ = driver.Expect(ControlEvent.PortRemove, 1);
        Wait.Until(() => driver.Output(1).Ring.UsedWaiting == driver.Output(1).Ring.InFlight, "the buffers back");
        driver.Output(1).Reclaim();
        driver.Receive(1, []);
    }
}
