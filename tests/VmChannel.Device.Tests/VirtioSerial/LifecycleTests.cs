using VmChannel.Native;
using VmChannel.Testing;
using VmChannel.Testing.FrontEnds;
using VmChannel.Wire.VhostUser;
using VmChannel.Wire.Virtio;
using VmChannel.Wire.VirtioConsole;
using Xunit;

namespace VmChannel.Device.Tests.VirtioSerial;

/// <summary>What survives a pause, a lost front-end, hibernation and a reset, and what must not.</summary>
public sealed class LifecycleTests
{
    [Fact]
    public void Pause_HalfDeliveredChain_GoesOnWhereItStopped()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(1);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        byte[] bytes = Guest.Bytes(3 * 4096, 7);
        rig.Thread.Invoke(() => end.Allow(5000));
        guest.Driver.Write(1, bytes);
        Wait.Until(() => rig.Thread.Invoke(() => end.TakenCount) == 5000, "the first part");

        guest.FrontEnd.Deactivate(guest.Driver.Queues);
        rig.Thread.Invoke(() => end.Allow(long.MaxValue));
        rig.Thread.Settle();
        Assert.Equal(5000, rig.Thread.Invoke(() => end.TakenCount));
        guest.FrontEnd.Activate(Guest.Taken(guest.FrontEnd), guest.Driver.Queues, isResume: true);
        Wait.Until(() => rig.Thread.Invoke(() => end.TakenCount) == bytes.Length, "the rest");
        Assert.Equal(bytes, end.Taken);
        Assert.True(rig.Thread.Invoke(() => rig.Ports[1].IsGuestOpen));
        Assert.Equal([true], end.GuestOpens);
    }

    [Fact]
    public void Pause_HostChangesMeanwhile_GuestHearsAfterwards()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(1);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        guest.FrontEnd.Deactivate(guest.Driver.Queues);
        rig.Thread.Invoke(() => end.Connect(false));
        guest.FrontEnd.Activate(Guest.Taken(guest.FrontEnd), guest.Driver.Queues, isResume: true);
        Assert.Equal(new ControlMessage(1, ControlEvent.PortOpen, 0), guest.Driver.NextControl().Message);
    }

    [Fact]
    public void Pause_PortPluggedMeanwhile_GuestSeesItAfterwards()
    {
        using SerialRig rig = new();
        _ = rig.Plug(1);
        using Guest guest = new(rig);
        guest.FrontEnd.Deactivate(guest.Driver.Queues);
        _ = rig.Plug(2);
        rig.Unplug(1);
        guest.FrontEnd.Activate(Guest.Taken(guest.FrontEnd), guest.Driver.Queues, isResume: true);
        Assert.Equal(new ControlMessage(2, ControlEvent.PortAdd, 1), guest.Driver.NextControl().Message);
        Assert.Equal(new ControlMessage(1, ControlEvent.PortRemove, 1), guest.Driver.NextControl().Message);
    }

    /// <summary>Queue 2 starts before queue 3 shows that the driver is a fresh one: nothing of the old one's may go out.</summary>
    [Fact]
    public void Reset_MessagesForTheOldDriver_AreNotSentToTheNew()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(1);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        guest.FrontEnd.Deactivate(guest.Driver.Queues);
        rig.Thread.Invoke(() => end.Connect(false));
        guest.Driver.ResetRings();
        _ = guest.Driver.Queues[2].Post(int.MaxValue);
        guest.FrontEnd.Activate(Guest.Taken(guest.FrontEnd), guest.Driver.Queues);
        rig.Thread.Settle();
        guest.Driver.PumpControl();
        Assert.Empty(guest.Driver.Control);
        guest.Driver.Send(uint.MaxValue, ControlEvent.DeviceReady, 1);
        Assert.Equal(new ControlMessage(1, ControlEvent.PortAdd, 1), guest.Driver.NextControl().Message);
    }

    [Fact]
    public void Reset_HalfDeliveredChain_IsDroppedWithItsDriver()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(1);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        rig.Thread.Invoke(() => end.Allow(100));
        guest.Driver.Write(1, new byte[4096]);
        Wait.Until(() => rig.Thread.Invoke(() => end.TakenCount) == 100, "the first part");
        guest.FrontEnd.Deactivate(guest.Driver.Queues);
        guest.Driver.ResetRings();
        rig.Thread.Invoke(() =>
        {
            end.Taken.Clear();
            end.Allow(long.MaxValue);
        });
        guest.FrontEnd.Activate(Guest.Taken(guest.FrontEnd), guest.Driver.Queues);
        guest.Driver.Probe();
        SerialRig.Open(guest.Driver, 1);
        byte[] bytes = Guest.Bytes(1000, 3);
        guest.Driver.Write(1, bytes);
        Wait.Until(() => rig.Thread.Invoke(() => end.Taken.Count) >= 1000, "the new driver's bytes");
        Assert.Equal(bytes, end.Taken);
    }

    /// <summary>Linux after hibernation: fresh rings, PORT_READY for each port and PORT_OPEN, but no DEVICE_READY.</summary>
    [Fact]
    public void Hibernation_PortReadyWithoutDeviceReady_IsEnough()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(1);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        guest.FrontEnd.Deactivate(guest.Driver.Queues);
        guest.Driver.ResetRings();
        guest.FrontEnd.Activate(Guest.Taken(guest.FrontEnd), guest.Driver.Queues);
        _ = guest.Driver.Queues[2].Post(int.MaxValue);
        SerialRig.Open(guest.Driver, 1);
        rig.Thread.Invoke(() => end.Give([1, 2, 3]));
        Assert.Equal([1, 2, 3], guest.Driver.Receive(1, 3));
    }

    [Theory]
    [InlineData(VhostUserRequest.SetStatus)]
    [InlineData(VhostUserRequest.ResetDevice)]
    public void ResetByMessage_WhileRunning_StopsEverything(VhostUserRequest request)
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(1);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        _ = guest.FrontEnd.Tell(request, 0UL);
        _ = guest.FrontEnd.Get(VhostUserRequest.GetStatus);
        Assert.Equal([true, false], rig.Thread.Invoke(end.GuestOpens.ToArray));
        Assert.True(guest.Driver.Output(1).TryWrite([1]));
        guest.Driver.Output(1).Kick();
        rig.Thread.Settle();
        Assert.Equal(0, guest.Driver.Output(1).Ring.UsedWaiting);
    }

    [Fact]
    public void Reconnect_SameGuest_GoesOnWithoutLosingAByte()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(1);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        byte[] bytes = Guest.Bytes(5 * 4096, 11);
        rig.Thread.Invoke(() => end.Allow(6000));
        guest.Driver.Write(1, bytes);
        Wait.Until(() => rig.Thread.Invoke(() => end.TakenCount) == 6000, "the first part");

        guest.FrontEnd.Dispose();
        Wait.Until(() => !rig.IsConnected, "the hang-up");
        Assert.Equal([true, false], rig.Thread.Invoke(end.GuestOpens.ToArray));
        rig.Thread.Invoke(() => end.Allow(long.MaxValue));
        guest.FrontEnd = new QemuFrontEnd(rig.Connect(), guest.FrontEnd.Ram, rig.Device.QueueCount);
        guest.FrontEnd.Realize();
        guest.FrontEnd.Activate(Guest.Taken(guest.FrontEnd), guest.Driver.Queues, isResume: true);
        Wait.Until(() => rig.Thread.Invoke(() => end.TakenCount) == bytes.Length, "the rest");
        Assert.Equal(bytes, end.Taken);
        Assert.Equal([true, false, true], rig.Thread.Invoke(end.GuestOpens.ToArray));
        rig.Thread.Invoke(() => end.Give([9]));
        Assert.Equal([9], guest.Driver.Receive(1, 1));
    }

    /// <summary>The call for the last used chain may have gone to the front-end that died: with EVENT_IDX nobody would repeat it.</summary>
    [Fact]
    public void Reconnect_CallLostWithTheOldFrontEnd_IsRepeated()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(1);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        rig.Thread.Invoke(() => end.Give([1]));
        DriverQueue input = guest.Driver.Input(1);
        Wait.Until(input.TakeCall, "the call that the old front-end swallows");
        guest.FrontEnd.Dispose();
        Wait.Until(() => !rig.IsConnected, "the hang-up");
        guest.FrontEnd = new QemuFrontEnd(rig.Connect(), guest.FrontEnd.Ram, rig.Device.QueueCount);
        guest.FrontEnd.Realize();
        guest.FrontEnd.Activate(Guest.Taken(guest.FrontEnd), guest.Driver.Queues, isResume: true);
        Wait.Until(input.TakeCall, "the call again");
    }

    /// <summary>A front-end that ends and comes back at once is the same one, even if both are reported in one go.</summary>
    [Fact]
    public void Reconnect_AtOnce_IsNotASecondFrontEnd()
    {
        using SerialRig rig = new();
        FileDescriptor first = rig.Connect();
        Wait.Until(() => rig.IsConnected, "the first");
        FileDescriptor? second = null;
        rig.Thread.Invoke(() =>
        {
            second = rig.Connect();
            first.Dispose();
        });
        using GuestRam ram = new(1 << 20);
        using QemuFrontEnd frontEnd = new(second!, ram, 4);
        frontEnd.Realize();
        Assert.False(rig.Log.Contains("was refused"));
    }

    [Fact]
    public void Connect_SecondFrontEnd_IsRefusedAndTheFirstGoesOn()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(1);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        using FrontEndSocket second = new(rig.Connect());
        second.WaitForHangUp();
        Assert.True(rig.Log.Contains("a second front-end"));
        rig.Thread.Invoke(() => end.Give([1]));
        Assert.Equal([1], guest.Driver.Receive(1, 1));
    }

    /// <summary>The meaning of a queue depends on MULTIPORT: features that change under running rings leave no queue behind.</summary>
    [Fact]
    public void SetFeatures_WhileRunning_LeavesNoQueueOnOldMemory()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(3);
        _ = rig.Plug(1);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 3);
        _ = guest.FrontEnd.Tell(VhostUserRequest.SetFeatures, (ulong)(VirtioFeatures.Version1 | VirtioFeatures.ProtocolFeatures));
        guest.FrontEnd.Deactivate(guest.Driver.Queues);
        guest.FrontEnd.Dispose();
        Wait.Until(() => !rig.IsConnected, "the hang-up");
        rig.Thread.Invoke(() => end.Give([1]));
        rig.Thread.Invoke(() => end.Allow(long.MaxValue));
        rig.Thread.Settle();
        Assert.Equal(0, guest.Driver.Input(3).Ring.UsedWaiting);
    }

    [Fact]
    public void Plug_LowerPortOnASinglePortDriver_DoesNotSwapItsQueues()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(3);
        using GuestRam ram = new(32 << 20);
        CloudHypervisorFrontEnd frontEnd = new(rig.Connect(), ram);
        using SerialDriver driver = rig.Boot(frontEnd);
        ScriptedEnd lower = rig.Plug(1);
        driver.Write(0, [1, 2]);
        Wait.Until(() => rig.Thread.Invoke(() => end.TakenCount) == 2, "bytes at the port that was there first");
        frontEnd.Dispose();
        Wait.Until(() => !rig.IsConnected, "the hang-up");
        rig.Thread.Invoke(() =>
        {
            end.Give([1]);
            lower.Give([1]);
        });
        rig.Thread.Settle();
        Assert.Equal(0, lower.TakenCount);
    }

    [Fact]
    public void Plug_FirstPortOnASinglePortDriver_IsServed()
    {
        using SerialRig rig = new();
        using GuestRam ram = new(32 << 20);
        using CloudHypervisorFrontEnd frontEnd = new(rig.Connect(), ram);
        using SerialDriver driver = rig.Boot(frontEnd);
        ScriptedEnd end = rig.Plug(3);
        driver.Write(0, [1, 2]);
        Wait.Until(() => rig.Thread.Invoke(() => end.TakenCount) == 2, "bytes");
        rig.Thread.Invoke(() => end.Give([7]));
        Assert.Equal([7], driver.Receive(0, 1));
    }

    /// <summary>A driver without MULTIPORT makes a console of the port and spins until each buffer is used, host or no host.</summary>
    [Fact]
    public void SinglePort_HostAbsent_NeverHoldsTheDriver()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(3, isHostOpen: false);
        using GuestRam ram = new(32 << 20);
        using CloudHypervisorFrontEnd frontEnd = new(rig.Connect(), ram);
        using SerialDriver driver = rig.Boot(frontEnd);
        byte[] bytes = Guest.Bytes(4000, 1);
        driver.Write(0, bytes);
        Wait.Until(() => driver.Queues[1].Ring.UsedIndex == 1, "the buffer back");
        rig.Thread.Invoke(() => end.Connect(true));
        Assert.Equal(bytes, rig.Thread.Invoke(end.Taken.ToArray));
        frontEnd.Deactivate(driver.Queues);
        rig.Thread.Invoke(() => end.Connect(false));
        Assert.False(rig.Thread.Invoke(() => rig.Ports[3].IsHostOpen));
    }
}
