using System.Text;
using VmChannel.Device.Ports;
using VmChannel.Device.VirtioSerial;
using VmChannel.Native;
using VmChannel.Testing;
using VmChannel.Testing.FrontEnds;
using VmChannel.Wire.VirtioConsole;
using Xunit;

namespace VmChannel.Device.Tests.VirtioSerial;

/// <summary>All eight control messages, in the order a stock driver expects, and what a driver should never send.</summary>
public sealed class ControlConversationTests
{
    [Fact]
    public void DeviceReady_FromTheDriver_AddsEveryPort()
    {
        using SerialRig rig = new();
        _ = rig.Plug(5);
        _ = rig.Plug(2);
        using Guest guest = new(rig);
        guest.Driver.Send(uint.MaxValue, ControlEvent.DeviceReady, 1);
        Assert.Equal(new ControlMessage(2, ControlEvent.PortAdd, 1), guest.Driver.NextControl().Message);
        Assert.Equal(new ControlMessage(5, ControlEvent.PortAdd, 1), guest.Driver.NextControl().Message);
    }

    [Fact]
    public void PortReady_GenericPort_GetsNameThenHostOpen()
    {
        using SerialRig rig = new();
        _ = rig.Plug(new PortSpec(2, "org.qemu.clipboard"), isHostOpen: false);
        using Guest guest = new(rig);
        guest.Driver.Send(2, ControlEvent.PortReady, 1);
        SerialDriver.Received name = guest.Driver.NextControl();
        Assert.Equal(new ControlMessage(2, ControlEvent.PortName, 1), name.Message);
        Assert.Equal("org.qemu.clipboard\0", Encoding.UTF8.GetString(name.Payload));
        Assert.Equal(new ControlMessage(2, ControlEvent.PortOpen, 0), guest.Driver.NextControl().Message);
    }

    [Theory]
    [InlineData(true, new byte[] { 100, 0, 40, 0 })] // cols, rows: VIRTIO 1.3 and Linux since 6.15
    [InlineData(false, new byte[] { 40, 0, 100, 0 })] // rows, cols: Linux before
    public void PortReady_Console_GetsConsoleOpenAndSize(bool columnsFirst, byte[] expected)
    {
        using SerialRig rig = new(new VirtioSerialSettings(4, columnsFirst));
        _ = rig.Plug(new PortSpec(0, null, IsConsole: true), isHostOpen: false);
        rig.Thread.Invoke(() => rig.Device.Resize(new TerminalSize(100, 40)));
        using Guest guest = new(rig);
        guest.Driver.Send(0, ControlEvent.PortReady, 1);
        Assert.Equal(new ControlMessage(0, ControlEvent.ConsolePort, 1), guest.Driver.NextControl().Message);
        Assert.Equal(new ControlMessage(0, ControlEvent.PortOpen, 1), guest.Driver.NextControl().Message);
        SerialDriver.Received size = guest.Driver.NextControl();
        Assert.Equal(ControlEvent.Resize, size.Message.Event);
        Assert.Equal(expected, size.Payload);

        rig.Thread.Invoke(() => rig.Device.Resize(new TerminalSize(100, 40)));
        Assert.Equal(expected, guest.Driver.NextControl().Payload);
    }

    [Fact]
    public void PortOpen_BothWays_FollowsTheEnds()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(1, isHostOpen: false);
        using Guest guest = new(rig);
        guest.Driver.Open(1);
        Assert.Equal(0, guest.Driver.Expect(ControlEvent.PortOpen, 1).Message.Value);
        rig.Thread.Invoke(() => end.Connect(true));
        Assert.Equal(1, guest.Driver.Expect(ControlEvent.PortOpen, 1).Message.Value);
        rig.Thread.Invoke(() => end.Connect(false));
        Assert.Equal(0, guest.Driver.Expect(ControlEvent.PortOpen, 1).Message.Value);
        guest.Driver.Send(1, ControlEvent.PortOpen, 0);
        rig.Thread.Settle();
        Assert.Equal([true, false], end.GuestOpens);
    }

    [Fact]
    public void PortRemove_AndPlugAgain_AreAnnounced()
    {
        using SerialRig rig = new();
        _ = rig.Plug(1);
        using Guest guest = new(rig);
        rig.Unplug(1);
        Assert.Equal(new ControlMessage(1, ControlEvent.PortRemove, 1), guest.Driver.NextControl().Message);
        _ = rig.Plug(1);
        Assert.Equal(new ControlMessage(1, ControlEvent.PortAdd, 1), guest.Driver.NextControl().Message);
    }

    /// <summary>Garbage ids are known of a stock driver: nothing happens, and the device goes on.</summary>
    [Theory]
    [InlineData(7u, ControlEvent.PortReady)] // free number
    [InlineData(8u, ControlEvent.PortOpen)] // past the room
    [InlineData(0x7FFFFFFFu, ControlEvent.PortOpen)]
    [InlineData(uint.MaxValue, ControlEvent.PortReady)]
    [InlineData(1u, (ControlEvent)99)]
    [InlineData(1u, ControlEvent.PortName)]
    public void Message_ThatMakesNoSense_IsIgnored(uint port, ControlEvent @event)
    {
        using SerialRig rig = new();
        _ = rig.Plug(1);
        using Guest guest = new(rig);
        guest.Driver.Send(port, @event, 1);
        guest.Driver.Send([1, 2, 3]);
        guest.Driver.Send([]);
        guest.Driver.Send(1, ControlEvent.PortReady, 0);
        Assert.Empty(guest.Driver.Control);
        SerialRig.Open(guest.Driver, 1);
        Assert.False(rig.Thread.Invoke(() => rig.Device.IsBroken));
    }

    [Fact]
    public void DeviceReady_Zero_IsLoggedOnly()
    {
        using SerialRig rig = new();
        _ = rig.Plug(1);
        using Guest guest = new(rig);
        guest.Driver.Send(uint.MaxValue, ControlEvent.DeviceReady, 0);
        Wait.Until(() => rig.Log.Contains("failed to set the device up"), "the line");
        Assert.Empty(guest.Driver.Control);
    }

    /// <summary>Linux posts control buffers one by one: a burst waits, in order, and none is dropped.</summary>
    [Fact]
    public void Burst_WithTwoBuffers_IsDroppedNowhere()
    {
        using SerialRig rig = new(new VirtioSerialSettings(31));
        for (int i = 1; i < 31; i++)
        {
            _ = rig.Plug(i);
        }

        GuestRam ram = new(64 << 20);
        using QemuFrontEnd frontEnd = new(rig.Connect(), ram, rig.Device.QueueCount);
        frontEnd.Realize();
        using SerialDriver driver = new(ram, frontEnd.ReadMaxPorts(), 16, 0);
        frontEnd.Activate(frontEnd.GuestFeatures & ~(7UL << 28), driver.Queues);
        driver.Probe(controlBuffers: 2);
        List<uint> added = [];
        while (added.Count < 30)
        {
            Wait.Until(() => driver.Queues[2].Ring.UsedWaiting > 0, $"PORT_ADD after {added.Count}");
            driver.PumpControl(repost: false);
            while (driver.Control.TryDequeue(out SerialDriver.Received? next))
            {
                Assert.Equal(ControlEvent.PortAdd, next.Message.Event);
                added.Add(next.Message.PortId);
                _ = driver.Queues[2].Post(1);
            }
        }

        Assert.Equal(Enumerable.Range(1, 30).Select(i => (uint)i), added);
        ram.Dispose();
    }

    /// <summary>A guest that provokes answers without taking them costs nothing that grows.</summary>
    [Fact]
    public void Flood_WithoutBuffers_WaitsInBoundedMemory()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(1);
        using Guest guest = new(rig);
        for (int i = 0; i < 3000; i++)
        {
            guest.Driver.Send(1, ControlEvent.PortReady, 1);
            if (i % 10 == 0)
            {
                rig.Thread.Invoke(() => end.Connect(i % 20 != 0));
            }
        }

        // Only what its 64 posted buffers took has gone out; what waits says what a driver must know in the end.
        rig.Thread.Invoke(() => end.Connect(true));
        Wait.Until(() => rig.Thread.Invoke(() => rig.Ports[1].IsHostOpen), "the host to be open");
        int messages = 0;
        SerialDriver.Received? last = null;
        int before;
        do
        {
            before = messages;
            guest.Driver.PumpControl();
            while (guest.Driver.Control.TryDequeue(out SerialDriver.Received? next))
            {
                last = next.Message.Event == ControlEvent.PortOpen ? next : last;
                messages++;
            }

            rig.Thread.Settle();
        }
        while (messages > before);
        Assert.InRange(messages, 60, 64 + 5);
        Assert.Equal(new ControlMessage(1, ControlEvent.PortOpen, 1), last!.Message);
    }

    [Fact]
    public void ControlBuffer_TooSmallForItsMessage_IsGivenBackEmpty()
    {
        using SerialRig rig = new();
        _ = rig.Plug(1);
        GuestRam ram = new(32 << 20);
        using QemuFrontEnd frontEnd = new(rig.Connect(), ram, rig.Device.QueueCount);
        frontEnd.Realize();
        using SerialDriver driver = new(ram, frontEnd.ReadMaxPorts(), 16, 0);
        frontEnd.Activate(frontEnd.GuestFeatures & ~(7UL << 28), driver.Queues);
        DriverQueue control = driver.Queues[2];
        _ = control.Ring.TryAdd([new(ram.GuestAddress(control.BufferOf(0)), 7, Wire.Virtio.DescriptorFlags.Write, 0)], out _);
        control.Ring.Publish();
        driver.Probe(controlBuffers: 0);
        Wait.Until(() => control.Ring.UsedWaiting > 0, "the buffer");
        Assert.True(control.Ring.TryTake(out _, out uint written));
        Assert.Equal(0u, written);
        ram.Dispose();
    }
}
