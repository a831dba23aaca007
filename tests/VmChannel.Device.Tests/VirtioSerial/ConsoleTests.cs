using VmChannel.Device.Ports;
using VmChannel.Testing;
using VmChannel.Testing.FrontEnds;
using VmChannel.Wire.VirtioConsole;
using Xunit;

namespace VmChannel.Device.Tests.VirtioSerial;

/// <summary>A console never waits: the guest's kernel would spin. It keeps the last bytes and counts what it drops.</summary>
public sealed class ConsoleTests
{
    private const int KeptBytes = 64 * 1024;

    [Fact]
    public void Output_HostAbsent_IsTakenAndTheOldestDropped()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(Buffered(KeptBytes), isHostOpen: false);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 0);
        byte[] bytes = Guest.Bytes(100_000, 3);
        guest.Driver.Write(0, bytes);
        Wait.Until(() => rig.Thread.Invoke(() => rig.Ports[0].Counters.FromGuestBytes) == bytes.Length, "all output");
        Assert.Equal(bytes.Length - KeptBytes, rig.Thread.Invoke(() => rig.Ports[0].DroppedBytes));
        rig.Thread.Invoke(() => end.Connect(true));
        Assert.Equal(bytes[^KeptBytes..], rig.Thread.Invoke(end.Taken.ToArray));
    }

    [Theory]
    [InlineData(8 * 1024, 8 * 1024)]
    [InlineData(KeptBytes, KeptBytes)]
    [InlineData(1024 * 1024, KeptBytes)]
    public void Apply_OtherBuffer_KeepsTheNewestOfWhatWaits(int bufferBytes, int keptBytes)
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(Buffered(KeptBytes), isHostOpen: false);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 0);
        byte[] bytes = Guest.Bytes(100_000, 3);
        guest.Driver.Write(0, bytes);
        Wait.Until(() => rig.Thread.Invoke(() => rig.Ports[0].Counters.FromGuestBytes) == bytes.Length, "all output");
        rig.Thread.Invoke(() => rig.Ports[0].Apply(Buffered(bufferBytes)));
        guest.Driver.Write(0, "more"u8.ToArray());
        Wait.Until(() => rig.Thread.Invoke(() => rig.Ports[0].Counters.FromGuestBytes) == bytes.Length + 4, "more output");
        int expected = Math.Min(bufferBytes, keptBytes + 4);
        Assert.Equal(bytes.Length + 4 - expected, rig.Thread.Invoke(() => rig.Ports[0].DroppedBytes));
        rig.Thread.Invoke(() => end.Connect(true));
        Assert.Equal([.. bytes[^(expected - 4)..], .. "more"u8], rig.Thread.Invoke(end.Taken.ToArray));
    }

    [Fact]
    public void Output_HostHangsUpInMidWrite_KeepsTheRest()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(new PortSpec(0, null, IsConsole: true));
        end.HangsUpWhenFull = true;
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 0);
        rig.Thread.Invoke(() => end.Allow(3000));
        byte[] bytes = Guest.Bytes(20_000, 3);
        guest.Driver.Write(0, bytes);
        Wait.Until(() => rig.Thread.Invoke(() => rig.Ports[0].Counters.FromGuestBytes) == bytes.Length, "all output");
        rig.Thread.Invoke(() =>
        {
            end.HangsUpWhenFull = false;
            end.Allowance = long.MaxValue;
            end.Connect(true);
        });
        Assert.Equal(bytes, rig.Thread.Invoke(end.Taken.ToArray));
        Assert.Equal(0, rig.Thread.Invoke(() => rig.Ports[0].DroppedBytes));
    }

    /// <summary>QEMU writes the whole configuration space each time: only a non-zero emerg_wr is a character.</summary>
    [Fact]
    public void EmergencyWrite_WholeRegion_PrintsOneCharacter()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(new PortSpec(0, null, IsConsole: true));
        using Guest guest = new(rig);
        guest.FrontEnd.WriteConfig(0, [80, 0, 25, 0, 8, 0, 0, 0, (byte)'!', 0, 0, 0]);
        guest.FrontEnd.WriteConfig(0, [80, 0, 25, 0, 8, 0, 0, 0, 0, 0, 0, 0]);
        guest.FrontEnd.WriteConfig(8, [(byte)'?', 0, 0, 0]);
        guest.FrontEnd.WriteConfig(9, [(byte)'x']);
        guest.FrontEnd.WriteConfig(200, [(byte)'y']);
        Assert.Equal("!?"u8.ToArray(), rig.Thread.Invoke(end.Taken.ToArray));
        Assert.Equal([0, 0, 0, 0], guest.FrontEnd.ReadConfig(8, 4));
    }

    [Fact]
    public void Resize_WithoutMultiPort_ChangesTheConfiguration()
    {
        using SerialRig rig = new();
        _ = rig.Plug(new PortSpec(0, null, IsConsole: true));
        using GuestRam ram = new(32 << 20);
        using CloudHypervisorFrontEnd frontEnd = new(rig.Connect(), ram);
        using SerialDriver driver = rig.Boot(frontEnd);
        rig.Thread.Invoke(() => rig.Device.Resize(new Native.TerminalSize(132, 43)));
        byte[] message = new byte[64];
        Wait.Until(() => frontEnd.BackendRequests!.Read(message).IsSuccess, "a configuration change");
        Assert.Equal(2, message[0]);
        Assert.Equal([132, 0, 43, 0], frontEnd.ReadConfig(0, 4));
    }

    [Fact]
    public void ReadConfig_AnyPart_IsPaddedWithZeros()
    {
        using SerialRig rig = new();
        using Guest guest = new(rig);
        Assert.Equal([0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], guest.FrontEnd.ReadConfig(0, 16));
        Assert.Equal([8], guest.FrontEnd.ReadConfig(4, 1));
        Assert.Equal(256, guest.FrontEnd.ReadConfig(0, 256).Length);
        Assert.Equal([0], guest.FrontEnd.ReadConfig(255, 1));
        Assert.Empty(guest.FrontEnd.ReadConfig(256, 1));
    }

    [Theory]
    [InlineData(64, 31)]
    [InlineData(8, 3)]
    [InlineData(256, 31)]
    public void MaxPorts_Qemu_FitsTheQueuesItHas(int queues, int expected)
    {
        using SerialRig rig = new(new(31));
        _ = rig.Plug(30);
        using GuestRam ram = new(1 << 20);
        using QemuFrontEnd frontEnd = new(rig.Connect(), ram, queues);
        frontEnd.Realize();
        Assert.Equal(expected, frontEnd.ReadMaxPorts());
        Assert.Equal(queues < 64, rig.Log.Contains("port 30 (test.port30) cannot be carried"));
    }

    [Fact]
    public void MaxPorts_Uml_IsWhat64QueuesCarry()
    {
        using SerialRig rig = new(new(127));
        _ = rig.Plug(100);
        using GuestRam ram = new(1 << 20);
        using UmlFrontEnd frontEnd = new(rig.Connect(), ram);
        frontEnd.Realize();
        Assert.Equal(31, frontEnd.ReadMaxPorts());
        Assert.True(rig.Log.Contains("port 100 (test.port100) cannot be carried: the front-end has 64 queues, room for ports 0 to 30"));
    }

    [Fact]
    public void MaxPorts_QueuesOfPort126_RunOverVhostUser()
    {
        using SerialRig rig = new(new(127));
        ScriptedEnd end = rig.Plug(126);
        using GuestRam ram = new(64 << 20);
        using QemuFrontEnd frontEnd = new(rig.Connect(), ram, 256);
        using SerialDriver driver = rig.Boot(frontEnd, ringSize: 16);
        SerialRig.Open(driver, 126);
        rig.Thread.Invoke(() => end.Give([1]));
        Assert.Equal([1], driver.Receive(126, 1));
        Assert.Equal(254, PortQueues.Receive(126));
    }

    private static PortSpec Buffered(int bytes) => new(0, null, IsConsole: true) { Limits = new PortLimits { BufferBytes = bytes } };
}
