using VmChannel.Native;
using VmChannel.Testing;
using VmChannel.Testing.FrontEnds;
using VmChannel.Wire.VirtioConsole;
using Xunit;

namespace VmChannel.Device.Tests.VhostUser;

/// <summary>Each front-end's own sequence of messages, from connecting to bytes both ways, a stop and a second driver.</summary>
public sealed class FrontEndTests
{
    public static TheoryData<string> MultiPortFrontEnds => ["qemu", "qemu with a table", "uml", "crosvm", "libkrun"];

    [Theory]
    [MemberData(nameof(MultiPortFrontEnds))]
    public void Boot_EachFrontEnd_BytesFlowBothWays(string name)
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(3);
        using GuestRam ram = RamOf(name);
        using FrontEnd frontEnd = Create(name, rig, ram);
        using SerialDriver driver = rig.Boot(frontEnd);
        SerialRig.Open(driver, 3);
        ExchangeBytes(rig, driver, end, 3);
        Assert.True(frontEnd.Socket.IsQuiet());
    }

    [Theory]
    [MemberData(nameof(MultiPortFrontEnds))]
    public void Reset_EachFrontEnd_StartsOver(string name)
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(3);
        using GuestRam ram = RamOf(name);
        using FrontEnd frontEnd = Create(name, rig, ram);
        using SerialDriver driver = rig.Boot(frontEnd);
        SerialRig.Open(driver, 3);
        ExchangeBytes(rig, driver, end, 3);

        frontEnd.Deactivate(driver.Queues);
        driver.ResetRings();
        frontEnd.Activate(frontEnd.GuestFeatures, driver.Queues);
        driver.Probe();
        Assert.Equal(new ControlMessage(3, ControlEvent.PortAdd, 1), driver.NextControl().Message);
        Assert.False(rig.Thread.Invoke(() => rig.Ports[3].IsGuestOpen));
        SerialRig.Open(driver, 3);
        ExchangeBytes(rig, driver, end, 3);
        Assert.Equal([true, false, true], end.GuestOpens);
    }

    [Fact]
    public void Boot_CloudHypervisor_OnePortAndOneReplyPerMessage()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(3);
        using GuestRam ram = new(32 << 20);
        using CloudHypervisorFrontEnd frontEnd = new(rig.Connect(), ram);
        using SerialDriver driver = rig.Boot(frontEnd);
        Assert.Equal(2, driver.Queues.Length);
        ExchangeBytes(rig, driver, end, 0);
        Assert.True(frontEnd.Socket.IsQuiet());
        Assert.Equal([true], end.GuestOpens);
    }

    [Fact]
    public void Boot_Libkrun_CallsThroughTheSharedDescriptor()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(3);
        using GuestRam ram = new(32 << 20);
        using LibkrunFrontEnd frontEnd = new(rig.Connect(), ram);
        using SerialDriver driver = rig.Boot(frontEnd);
        SerialRig.Open(driver, 3);
        EventFd.Clear(frontEnd.SharedCall);
        rig.Thread.Invoke(() => end.Give([1]));
        Wait.Until(() => frontEnd.SharedCall.Read(new byte[8]).IsSuccess, "a call");
    }

    private static void ExchangeBytes(SerialRig rig, SerialDriver driver, ScriptedEnd end, int port)
    {
        byte[] toHost = RandomBytes(100_000, seed: 1);
        byte[] toGuest = RandomBytes(100_000, seed: 2);
        rig.Thread.Invoke(end.Taken.Clear);
        rig.Thread.Invoke(() => end.Give(toGuest));
        driver.Write(port, toHost);
        Assert.Equal(toGuest, driver.Receive(port, toGuest.Length));
        Wait.Until(() => rig.Thread.Invoke(() => end.Taken.Count) == toHost.Length, "all bytes on the host");
        Assert.Equal(toHost, end.Taken);
    }

    private static byte[] RandomBytes(int count, int seed)
    {
        byte[] bytes = new byte[count];
#pragma warning disable CA5394 // reproducible, not secret
        new Random(seed).NextBytes(bytes);
#pragma warning restore CA5394
        return bytes;
    }

    private static GuestRam RamOf(string name)
        => name == "uml" ? new(32 << 20, guestBase: 0x6060_0000, userBase: 0x6060_0000, fileOffset: 0x60_0000) : new(32 << 20);

    private static FrontEnd Create(string name, SerialRig rig, GuestRam ram) => name switch
    {
        "qemu" => new QemuFrontEnd(rig.Connect(), ram, rig.Device.QueueCount),
        "qemu with a table" => new QemuFrontEnd(rig.Connect(), ram, rig.Device.QueueCount, usesSlots: false),
        "uml" => new UmlFrontEnd(rig.Connect(), ram),
        "crosvm" => new CrosvmFrontEnd(rig.Connect(), ram),
        _ => new LibkrunFrontEnd(rig.Connect(), ram),
    };
}
