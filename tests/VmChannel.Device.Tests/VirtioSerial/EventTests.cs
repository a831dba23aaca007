using VmChannel.Device.Events;
using VmChannel.Device.Ports;
using VmChannel.Device.VirtioSerial;
using VmChannel.Native;
using VmChannel.Testing;
using VmChannel.Testing.FrontEnds;
using VmChannel.Wire.VirtioConsole;
using Xunit;

namespace VmChannel.Device.Tests.VirtioSerial;

/// <summary>What is told of a device's and its ports' changes, in which order, and what the published states say.</summary>
public sealed class EventTests
{
    [Fact]
    public void Life_OfAPort_IsToldInOrder()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(1);
        Port port = rig.Ports[1];
        using (Guest guest = new(rig))
        {
            SerialRig.Open(guest.Driver, 1);
            guest.Driver.Send(1, ControlEvent.PortOpen, 0);
            rig.Thread.Invoke(() => end.Connect(false));
            rig.Unplug(1);
        }

        Assert.Equal(
            [
                "1 plugged", "1 host-opened", "front-end-connected", "features-negotiated", "driver-ready", "1 ready", "1 named",
                "1 guest-opened", "1 guest-closed", "1 host-closed", "1 unplugged",
            ],
            rig.EventsSince().TakeWhile(each => each != "front-end-disconnected"));
        Assert.All(rig.Since(), each => Assert.Equal("vm", each.Vm));
        Assert.All(rig.Since().Where(each => each.Port is not null), each => Assert.Equal("test.port1", each.Protocol));
        Assert.Equal((null, 1L, 1L), (port.State.PluggedSince, port.State.GuestGeneration, port.State.HostGeneration));
    }

    [Fact]
    public void State_OfAnOpenPort_SaysAllOfIt()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(1);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        rig.Thread.Settle();
        PortState state = rig.Ports[1].State;
        Assert.True(state is { IsReady: true, IsNamed: true, IsGuestOpen: true, IsHostOpen: true, IsWritable: true, IsSuspended: false, PluggedSince: not null });
        Assert.Equal(("scripted", 1L, 1L, StallReason.None), (state.HostEnd, state.GuestGeneration, state.HostGeneration, state.Stall));
        rig.Thread.Invoke(() => end.Connect(false));
        Assert.True(rig.Ports[1].State is { IsHostOpen: false, IsWritable: false });
        rig.Thread.Invoke(() => end.Connect(true));
        Assert.Equal(2, rig.Ports[1].State.HostGeneration);
    }

    /// <summary>What a hostile guest can do at any rate: every change is told, and nothing grows but the count.</summary>
    [Fact]
    public void Flapping_ByTheGuest_IsCountedExactly()
    {
        const int Flaps = 20_000;
        using SerialRig rig = new();
        _ = rig.Plug(1);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        rig.Thread.Settle();
        long before = rig.Journal.Last;
        for (int i = 0; i < Flaps; i++)
        {
            guest.Driver.Send(1, ControlEvent.PortOpen, 0);
            guest.Driver.Send(1, ControlEvent.PortOpen, 1);
        }

        rig.Thread.Settle();
        Assert.Equal(2 * Flaps, rig.Journal.Last - before);
        Assert.Equal(Flaps + 1, rig.Ports[1].State.GuestGeneration);
        Assert.InRange(rig.Device.Counters.ControlBacklog, 0, 4);
    }

    [Fact]
    public void Pause_AndResume_AreToldPerPort()
    {
        using SerialRig rig = new();
        _ = rig.Plug(1);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        rig.Thread.Settle();
        long before = rig.Journal.Last;
        guest.FrontEnd.Deactivate(guest.Driver.Queues);
        Wait.Until(() => rig.Device.State.IsSuspended, "the pause");
        Assert.True(rig.Ports[1].State is { IsSuspended: true, IsGuestOpen: true });
        guest.FrontEnd.Activate(Guest.Taken(guest.FrontEnd), guest.Driver.Queues, isResume: true);
        Wait.Until(() => !rig.Device.State.IsSuspended, "the resumption");
        Assert.False(rig.Ports[1].State.IsSuspended);
        Assert.Equal(["1 suspended", "1 resumed"], rig.EventsSince(before));
    }

    [Fact]
    public void Reset_ByTheGuest_IsToldOnceWithItsPorts()
    {
        using SerialRig rig = new();
        _ = rig.Plug(1);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        rig.Thread.Settle();
        long before = rig.Journal.Last;
        guest.FrontEnd.Deactivate(guest.Driver.Queues);
        guest.Driver.ResetRings();
        guest.FrontEnd.Activate(Guest.Taken(guest.FrontEnd), guest.Driver.Queues);
        guest.Driver.Probe();
        SerialRig.Open(guest.Driver, 1);
        rig.Thread.Settle();
        Assert.Equal(
            ["1 suspended", "driver-reset", "1 guest-closed", "driver-ready", "1 ready", "1 named", "1 guest-opened"], rig.EventsSince(before));
        Assert.Equal("the guest's driver started over", rig.WaitFor(DeviceEventKind.GuestClosed, before).Cause);
        Wait.Until(() => rig.Device.State.RecentResets.Count == 1, "the reset in the state");
        Assert.Equal(1, rig.Device.Counters.Resets);
    }

    [Fact]
    public void FrontEnd_LeavesAndComesBack_TheOpenPortIsToldOf()
    {
        using SerialRig rig = new();
        _ = rig.Plug(1);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        Wait.Until(() => rig.Device.State.FrontEnd?.Queues.Count == rig.Device.QueueCount, "the front-end's set-up");
        FrontEndState known = rig.Device.State.FrontEnd!;
        Assert.Equal((Environment.ProcessId, FrontEndKind.Qemu, 2), (known.Pid, known.Kind, known.MemoryRegions));
        Assert.All(known.Queues, queue => Assert.Equal((64, true, NotifierKind.EventFd, NotifierKind.EventFd), (queue.Size, queue.IsRunning, queue.Kick, queue.Call)));
        Assert.Contains("MULTIPORT", rig.Device.State.FeatureNames);
        rig.Thread.Settle();
        long before = rig.Journal.Last;
        guest.FrontEnd.Dispose();
        Wait.Until(() => rig.Device.State is { FrontEnd: null, FrontEndLeft: not null }, "the hang-up");
        Assert.Equal(["front-end-disconnected", "1 suspended", "1 guest-closed"], rig.EventsSince(before));
        guest.FrontEnd = new QemuFrontEnd(rig.Connect(), guest.FrontEnd.Ram, rig.Device.QueueCount);
        guest.FrontEnd.Realize();
        guest.FrontEnd.Activate(Guest.Taken(guest.FrontEnd), guest.Driver.Queues, isResume: true);
        Wait.Until(() => rig.Ports[1].State.IsGuestOpen, "the port to be open again");
        Assert.Equal(["front-end-connected", "features-negotiated", "1 resumed", "1 guest-opened"], rig.EventsSince(before).Skip(3));
    }

    [Fact]
    public void SecondFrontEnd_IsRefused_AndTold()
    {
        using SerialRig rig = new();
        using FileDescriptor first = rig.Connect();
        Wait.Until(() => rig.IsConnected, "the first");
        using FileDescriptor second = rig.Connect();
        Assert.Contains("is connected", rig.WaitFor(DeviceEventKind.PeerRefused).Cause, StringComparison.Ordinal);
    }

    [Fact]
    public void Break_ByTheGuest_IsToldWithTheQueue()
    {
        using SerialRig rig = new();
        _ = rig.Plug(1);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        DriverQueue queue = guest.Driver.Output(1);
        queue.Ring.PutAvailableIndex(1000);
        queue.Kick();
        DeviceEvent broken = rig.WaitFor(DeviceEventKind.DeviceBroken);
        Assert.Contains($"queue {queue.Index}", broken.Cause, StringComparison.Ordinal);
        Wait.Until(() => rig.Device.State.IsBroken, "the state");
        Assert.Equal(queue.Index, rig.Device.State.Fault!.Queue);
        Assert.False(rig.Ports[1].State.IsGuestOpen);
    }

    [Fact]
    public void SinglePort_IsReadyAndOpenWhileItsQueuesRun()
    {
        using SerialRig rig = new();
        _ = rig.Plug(3);
        using GuestRam ram = new(32 << 20);
        using CloudHypervisorFrontEnd frontEnd = new(rig.Connect(), ram);
        using SerialDriver driver = rig.Boot(frontEnd);
        DeviceEvent opened = rig.WaitFor(DeviceEventKind.GuestOpened);
        Assert.Equal((3, "its queues run"), (opened.Port, opened.Cause));
        Wait.Until(() => rig.Device.State is { IsMultiPort: false, IsSuspended: false, FrontEnd.Kind: FrontEndKind.CloudHypervisor }, "the state");
        rig.Thread.Settle();
        long before = rig.Journal.Last;
        frontEnd.Deactivate(driver.Queues);
        _ = rig.WaitFor(DeviceEventKind.GuestClosed, before);
        Wait.Until(() => rig.Ports[3].State.IsSuspended, "the port to be suspended");
    }

    [Fact]
    public void Counters_OfAPort_CountItsTraffic()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(1);
        using Guest guest = new(rig, Guest.Plain);
        SerialRig.Open(guest.Driver, 1);
        for (int i = 1; i <= 10; i++)
        {
            guest.Driver.Write(1, new byte[100]);
            Wait.Until(() => end.TakenCount == 100 * i, "the bytes");
        }

        rig.Thread.Invoke(() => end.Give(new byte[100]));
        _ = guest.Driver.Receive(1, 100);
        rig.Thread.Settle();
        PortCounters counters = rig.Ports[1].Counters;
        Assert.Equal((1000, 10, 100, 1), (counters.FromGuestBytes, counters.FromGuestMessages, counters.ToGuestBytes, counters.ToGuestMessages));
        Assert.InRange(counters.Kicks, 10, 100);
        Assert.InRange(counters.Calls, 1, 11);
        Assert.True(rig.Device.Counters.Kicks >= counters.Kicks);
    }

    /// <summary>A close is exact: the host end hears that nothing more comes only when the last byte on the ring is taken.</summary>
    [Fact]
    public void Close_WithBytesOnTheRing_DrainsAfterTheLast()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(1);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        rig.Thread.Invoke(() => end.Allow(1000));
        guest.Driver.Write(1, new byte[4096]);
        Wait.Until(() => end.TakenCount == 1000, "the first part");
        guest.Driver.Send(1, ControlEvent.PortOpen, 0);
        rig.Thread.Settle();
        Assert.Equal(0, rig.Thread.Invoke(() => end.Drains));
        rig.Thread.Invoke(() => end.Allow(long.MaxValue));
        Wait.Until(() => rig.Thread.Invoke(() => end.Drains) == 1, "the end");
        Assert.Equal(4096, end.TakenCount);
        rig.Thread.Settle();
        Assert.Equal(1, rig.Thread.Invoke(() => end.Drains));
    }
}
