using VmChannel.Device.Diagnosis;
using VmChannel.Device.Tests.VirtioSerial;
using VmChannel.Device.VirtioSerial;
using VmChannel.Testing;
using VmChannel.Testing.FrontEnds;
using VmChannel.Wire.VhostUser;
using VmChannel.Wire.VirtioConsole;
using Xunit;

namespace VmChannel.Device.Tests.Diagnosis;

/// <summary>The same findings, from what front-ends really say on the socket.</summary>
public sealed class FrontEndDiagnosisTests
{
    [Fact]
    public void Nobody_Connected()
    {
        using SerialRig rig = new();
        Assert.Equal(["front-end-absent"], Codes(rig));
    }

    [Fact]
    public void Qemu_GuestNotStarted_DriverAbsent()
    {
        using SerialRig rig = new();
        using GuestRam ram = new(1 << 20);
        using QemuFrontEnd frontEnd = new(rig.Connect(), ram, rig.Device.QueueCount);
        frontEnd.Realize();
        WaitFor(rig, FrontEndKind.Qemu);
        Assert.Equal(["driver-absent"], Codes(rig));
    }

    /// <summary>QEMU without share=on leaves every region out, and with memory slots says nothing at all.</summary>
    [Fact]
    public void Qemu_MemoryWithoutFile_NotShared()
    {
        using SerialRig rig = new();
        _ = rig.Plug(1);
        using GuestRam ram = new(32 << 20);
        using QemuFrontEnd frontEnd = new(rig.Connect(), ram, rig.Device.QueueCount);
        frontEnd.Realize();
        using SerialDriver driver = new(ram, 1, 64, Guest.Usual);
        _ = frontEnd.Tell(VhostUserRequest.SetFeatures, Guest.Taken(frontEnd) | (1UL << 30));
        DriverQueue queue = driver.Queues[PortQueues.ControlTransmit];
        _ = frontEnd.Tell(VhostUserRequest.SetVringNum, (uint)queue.Index, 64);
        _ = frontEnd.TellAddress(queue.Ring.Address(queue.Index));
        _ = frontEnd.Tell(VhostUserRequest.SetVringKick, queue.Index, queue.KickFd);
        _ = frontEnd.Tell(VhostUserRequest.SetVringEnable, (uint)queue.Index, 1);
        Wait.Until(() => Codes(rig).Contains("memory-not-shared"), "the finding");
        Assert.Contains("share=on", Find(rig).First(finding => finding.Code == "memory-not-shared").Fix, StringComparison.Ordinal);
    }

    [Fact]
    public void Memory_TableWithoutDescriptors_IsRefusedAndSaid()
    {
        using SerialRig rig = new();
        using FrontEndSocket socket = new(rig.Connect());
        byte[] table = new byte[MemoryTable.HeadBytes + MemoryRegion.Size];
        table[0] = 1;
        socket.Send(VhostUserRequest.SetMemTable, table, [], needsReply: false);
        Wait.Until(() => Codes(rig).Contains("memory-not-shared"), "the finding");
        Assert.Contains("1 memory regions with 0 descriptors", Find(rig)[0].What, StringComparison.Ordinal);
    }

    /// <summary>The driver kicks, and what it wrote went to a copy of the memory: QEMU with a memfd and without share=on.</summary>
    [Fact]
    public void Qemu_PrivateCopyOfMemory_IsFound()
    {
        using SerialRig rig = new();
        using GuestRam ram = new(32 << 20);
        using QemuFrontEnd frontEnd = new(rig.Connect(), ram, rig.Device.QueueCount);
        frontEnd.Realize();
        using SerialDriver driver = new(ram, 1, 64, Guest.Usual);
        frontEnd.Activate(Guest.Taken(frontEnd), driver.Queues);
        driver.Queues[PortQueues.ControlTransmit].Kick();
        Wait.Until(() => Codes(rig).Contains("memory-private"), "the finding");
    }

    [Fact]
    public void Qemu_RunningGuest_OnlyNotes()
    {
        using SerialRig rig = new();
        _ = rig.Plug(1);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        Wait.Until(() => rig.Device.State is { IsDriverReady: true, FrontEnd.Queues.Count: 18 }, "the set-up");
        Assert.Equal(["intx"], Codes(rig));
    }

    [Fact]
    public void Qemu_FewQueues_PortDoesNotFit()
    {
        using SerialRig rig = new();
        _ = rig.Plug(6);
        using GuestRam ram = new(1 << 20);
        using QemuFrontEnd frontEnd = new(rig.Connect(), ram, queueCount: 8);
        frontEnd.Realize();
        _ = frontEnd.ReadMaxPorts();
        Wait.Until(() => Codes(rig).Contains("too-few-queues"), "the finding");
        Assert.Contains("num_vqs=16", Find(rig)[0].Fix, StringComparison.Ordinal);
    }

    [Fact]
    public void CloudHypervisor_MasksMultiPort()
    {
        using SerialRig rig = new();
        _ = rig.Plug(3);
        using GuestRam ram = new(32 << 20);
        using CloudHypervisorFrontEnd frontEnd = new(rig.Connect(), ram);
        using SerialDriver driver = rig.Boot(frontEnd);
        WaitFor(rig, FrontEndKind.CloudHypervisor);
        Wait.Until(() => rig.Device.State is { IsSuspended: false, Features: not null }, "the guest");
        Assert.Equal(["no-multiport"], Codes(rig));
    }

    [Fact]
    public void Crosvm_DefaultQueueSize_IsTooLarge()
    {
        using SerialRig rig = new();
        using GuestRam ram = new(32 << 20);
        using CrosvmFrontEnd frontEnd = new(rig.Connect(), ram);
        frontEnd.Realize();
        using SerialDriver driver = new(ram, 1, 64, Guest.Usual);
        frontEnd.Activate(Guest.Taken(frontEnd), driver.Queues);
        WaitFor(rig, FrontEndKind.Crosvm);
        _ = frontEnd.Tell(VhostUserRequest.SetVringNum, 6, 32768);
        Wait.Until(() => Codes(rig).Contains("queue-size"), "the finding");
        Assert.Contains("max-queue-size=256", Find(rig).First(finding => finding.Code == "queue-size").Fix, StringComparison.Ordinal);
    }

    [Fact]
    public void Uml_AndLibkrun_AreKnownByTheirHabits()
    {
        using SerialRig rig = new();
        using GuestRam ram = new(32 << 20);
        using (UmlFrontEnd uml = new(rig.Connect(), ram))
        {
            using SerialDriver driver = rig.Boot(uml);
            WaitFor(rig, FrontEndKind.Uml);
            Wait.Until(() => rig.Device.State.FrontEnd!.Queues.Any(queue => queue.Call == NotifierKind.Socket), "calls through sockets");
        }

        Wait.Until(() => !rig.IsConnected, "the hang-up");
        Wait.Until(() => Codes(rig) is ["front-end-left"], "the finding");
        using LibkrunFrontEnd libkrun = new(rig.Connect(), ram);
        using SerialDriver second = rig.Boot(libkrun);
        WaitFor(rig, FrontEndKind.Libkrun);
    }

    [Fact]
    public void Guest_ReloadsItsDriverAgainAndAgain_ResetLoop()
    {
        using SerialRig rig = new();
        using Guest guest = new(rig);
        for (int i = 0; i < 5; i++)
        {
            guest.FrontEnd.Deactivate(guest.Driver.Queues);
            guest.Driver.ResetRings();
            guest.FrontEnd.Activate(Guest.Taken(guest.FrontEnd), guest.Driver.Queues);
            guest.Driver.Probe();
        }

        Wait.Until(() => Codes(rig).Contains("reset-loop"), "the finding");
    }

    private static void WaitFor(SerialRig rig, FrontEndKind kind) => Wait.Until(() => rig.Device.State.FrontEnd?.Kind == kind, $"{kind} to be known");

    private static IReadOnlyList<Finding> Find(SerialRig rig) => DeviceDiagnosis.Find(rig.Device.State, [.. rig.Ports.Values.Select(port => port.State)]);

    private static string[] Codes(SerialRig rig) => [.. Find(rig).Select(finding => finding.Code)];
}
