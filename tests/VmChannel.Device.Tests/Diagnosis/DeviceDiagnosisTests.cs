using VmChannel.Device.Diagnosis;
using VmChannel.Device.Ports;
using VmChannel.Device.VirtioSerial;
using VmChannel.Wire.Virtio;
using Xunit;

namespace VmChannel.Device.Tests.Diagnosis;

/// <summary>Each finding, from the state that provokes it; and none from a state where all is well.</summary>
public sealed class DeviceDiagnosisTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);

    private static readonly FrontEndState Vmm = new()
    {
        Pid = 42,
        Kind = FrontEndKind.Crosvm,
        ConnectedSince = Now.AddSeconds(-60),
        QueuesOffered = 64,
        MemoryRegions = 2,
        HasRings = true,
        Queues = [.. Enumerable.Range(0, 6).Select(index => new QueueState(index, 256, IsRunning: true, NotifierKind.EventFd, NotifierKind.EventFd))],
    };

    private static readonly DeviceState Well = new()
    {
        At = Now,
        MaxPorts = 31,
        Room = 31,
        Features = (ulong)(ConsoleFeatures.MultiPort | ConsoleFeatures.Size) | (ulong)VirtioFeatures.Version1,
        IsDriverReady = true,
        FrontEnd = Vmm,
        Counters = new() { Kicks = 5, ControlMessages = 5 },
    };

    private static readonly PortState Open = new()
    {
        Spec = new(1, "org.test.one"),
        HostEnd = "unix:/run/one.sock",
        PluggedSince = Now.AddSeconds(-90),
        IsReady = true,
        IsNamed = true,
        IsGuestOpen = true,
        IsHostOpen = true,
        IsWritable = true,
    };

    [Fact]
    public void AllIsWell_NothingIsFound() => Assert.Empty(DeviceDiagnosis.Find(Well, [Open]));

    [Fact]
    public void FrontEnd_NeverConnected_Absent()
        => Expect(Well with { FrontEnd = null }, "front-end-absent", Severity.Warning, "vmchannel args");

    [Fact]
    public void FrontEnd_Gone_Left()
        => Assert.Contains(
            "12 s ago", Expect(Well with { FrontEnd = null, FrontEndLeft = Now.AddSeconds(-12) }, "front-end-left", Severity.Warning, "device_del").What, StringComparison.Ordinal);

    [Theory]
    [InlineData(FrontEndKind.Qemu, "share=on")]
    [InlineData(FrontEndKind.CloudHypervisor, "shared=on")]
    [InlineData(FrontEndKind.Unknown, "mapped shared")]
    public void Memory_NotHandedOver_NotShared(FrontEndKind kind, string fix)
        => Expect(Well with { FrontEnd = Vmm with { Kind = kind, MemoryRegions = 0 } }, "memory-not-shared", Severity.Error, fix);

    [Fact]
    public void Memory_Refused_NotSharedAndWhy()
    {
        FrontEndState refused = Vmm with { MemoryRegions = 0, HasRings = false, MemoryRefusal = "2 memory regions with 0 descriptors", LastRefusal = "SetMemTable: …" };
        Finding finding = Expect(Well with { FrontEnd = refused }, "memory-not-shared", Severity.Error, "shared");
        Assert.Contains("with 0 descriptors", finding.What, StringComparison.Ordinal);
    }

    [Fact]
    public void Memory_KickedAndEmpty_Private()
        => Expect(Well with { IsDriverReady = false }, "memory-private", Severity.Error, "shared");

    [Theory]
    [InlineData(FrontEndKind.Crosvm, "max-queue-size=256")]
    [InlineData(FrontEndKind.Qemu, "vq_size=256")]
    public void Queues_Huge_QueueSize(FrontEndKind kind, string fix)
    {
        FrontEndState huge = Vmm with { Kind = kind, Queues = [new(0, 32768, IsRunning: false, NotifierKind.EventFd, NotifierKind.EventFd)] };
        Assert.Contains("128 MiB", Expect(Well with { FrontEnd = huge }, "queue-size", Severity.Warning, fix).What, StringComparison.Ordinal);
    }

    [Fact]
    public void Call_Missing_NoInterrupt()
    {
        FrontEndState mute = Vmm with { Queues = [new(4, 256, IsRunning: true, NotifierKind.EventFd, NotifierKind.None)] };
        Assert.Contains("queue 4", Expect(Well with { FrontEnd = mute }, "no-interrupt", Severity.Error, "eventfd").What, StringComparison.Ordinal);
    }

    [Fact]
    public void Notifications_InBand_AreNoted()
    {
        FrontEndState inBand = Vmm with { Queues = [new(4, 256, IsRunning: true, NotifierKind.InBand, NotifierKind.InBand)] };
        _ = Expect(Well with { FrontEnd = inBand }, "in-band", Severity.Note, "simulated time");
    }

    [Fact]
    public void Qemu_HasOneInterrupt_IsNoted() => Expect(Well with { FrontEnd = Vmm with { Kind = FrontEndKind.Qemu } }, "intx", Severity.Note, null);

    [Fact]
    public void Request_Refused_IsSaid()
        => Assert.Contains(
            "SetVringNum", Expect(Well with { FrontEnd = Vmm with { LastRefusal = "SetVringNum: no" } }, "request-refused", Severity.Warning, "report").What, StringComparison.Ordinal);

    [Fact]
    public void Guest_BrokeTheDevice_Broken()
        => Assert.Contains("queue 5 (BadChain)", Expect(Well with { Fault = new(5, "BadChain") }, "device-broken", Severity.Error, "reload").What, StringComparison.Ordinal);

    [Fact]
    public void Driver_Failed_IsSaid() => Expect(Well with { IsDriverReady = false, HasDriverFailed = true }, "driver-failed", Severity.Error, "kernel log");

    [Fact]
    public void Features_NeverAcknowledged_DriverAbsent()
        => Expect(Well with { Features = null, IsDriverReady = false }, "driver-absent", Severity.Warning, "modprobe virtio_console");

    [Theory]
    [InlineData(FrontEndKind.CloudHypervisor, "another VMM")]
    [InlineData(FrontEndKind.Unknown, "virtio_console")]
    public void Features_WithoutMultiPort_NoMultiPort(FrontEndKind kind, string fix)
        => Expect(Well with { Features = (ulong)VirtioFeatures.Version1, FrontEnd = Vmm with { Kind = kind } }, "no-multiport", Severity.Error, fix);

    [Fact]
    public void Features_WithoutMultiPortForAConsoleAlone_IsANote()
    {
        PortState console = Open with { Spec = new(0, null, IsConsole: true) };
        Finding finding = Assert.Single(DeviceDiagnosis.Find(Well with { Features = 0 }, [console]));
        Assert.Equal(("no-multiport", Severity.Note), (finding.Code, finding.Severity));
    }

    [Fact]
    public void Resets_ManyInAMinute_ResetLoop()
    {
        DateTimeOffset[] resets = [Now.AddHours(-1), .. Enumerable.Range(1, 5).Select(ago => Now.AddSeconds(-ago))];
        _ = Expect(Well with { RecentResets = resets }, "reset-loop", Severity.Warning, "console");
        Assert.Empty(DeviceDiagnosis.Find(Well with { RecentResets = resets[..5] }, [Open]));
    }

    [Fact]
    public void Control_MessagesWait_Backlog() => Expect(Well with { Counters = new() { ControlBacklog = 3 } }, "control-backlog", Severity.Warning, "kernel log");

    [Fact]
    public void Queues_Stopped_Paused() => Expect(Well with { IsSuspended = true }, "paused", Severity.Note, null);

    [Theory]
    [InlineData(FrontEndKind.Qemu, "num_vqs=82")]
    [InlineData(FrontEndKind.Uml, "below port 31")]
    [InlineData(FrontEndKind.Libkrun, "82 queues")]
    [InlineData(FrontEndKind.Unknown, "82 queues")]
    public void Port_BeyondTheRoom_TooFewQueues(FrontEndKind kind, string fix)
    {
        PortState far = Open with { Spec = new(39, "org.test.far"), IsReady = false, IsGuestOpen = false };
        IReadOnlyList<Finding> findings = DeviceDiagnosis.Find(Well with { FrontEnd = Vmm with { Kind = kind, Queues = [] } }, [far]);
        Finding finding = Assert.Single(findings);
        Assert.Equal(("too-few-queues", 39), (finding.Code, finding.Port));
        Assert.Contains(fix, finding.Fix, StringComparison.Ordinal);
    }

    [Fact]
    public void Port_NotSetUp_NotReady() => ExpectPort(Open with { IsReady = false, IsGuestOpen = false }, "port-not-ready", Severity.Warning, "virtio_console");

    [Fact]
    public void Port_NotOpenInTheGuest_NotOpen() => ExpectPort(Open with { IsGuestOpen = false }, "port-not-open", Severity.Note, "/dev/vmchannel/org/test/one");

    [Fact]
    public void Port_WithoutHostEnd_SaysWhy()
    {
        PortState alone = Open with { IsHostOpen = false, HostDetail = "connection refused" };
        Assert.Contains("(connection refused)", ExpectPort(alone, "no-host-end", Severity.Warning, "unix:/run/one.sock").What, StringComparison.Ordinal);
    }

    /// <summary>A program needs a moment to close: that is no finding, and neither is that nobody is there meanwhile.</summary>
    [Fact]
    public void Port_ThatTheGuestDoesNotClose_IsFoundOnceAClientHasWaited()
    {
        PortState kept = Open with { IsHostOpen = false, AwaitsCloseSince = Now.AddSeconds(-12) };
        Assert.Contains("for 12 s", ExpectPort(kept, "guest-not-closing", Severity.Warning, "on-guest-close=keep").What, StringComparison.Ordinal);
        Assert.Empty(DeviceDiagnosis.Find(Well, [kept with { AwaitsCloseSince = Now.AddSeconds(-4) }]));
    }

    [Theory]
    [InlineData(StallReason.NoHostEnd, "connect to unix:/run/one.sock")]
    [InlineData(StallReason.HostEndFull, "the program at unix:/run/one.sock does not read")]
    [InlineData(StallReason.GuestPostedNoBuffers, "kernel log")]
    [InlineData(StallReason.GuestNotReading, "/dev/vmchannel/org/test/one open in the guest does not read")]
    public void Port_Stalled_SaysWhyAndHowLong(StallReason reason, string fix)
    {
        PortState stuck = Open with { Stall = reason, StalledSince = Now.AddSeconds(-30), IsHostOpen = reason != StallReason.NoHostEnd };
        Assert.Contains("for 30 s", ExpectPort(stuck, "port-stalled", Severity.Warning, fix).What, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, "the socket", "args qemu")]
    [InlineData(true, "no guest has imported", "args usbip")]
    public void Adapter_ThatNobodyHas_SaysWhatToRun(bool isExported, string what, string fix)
    {
        PortState adapter = Open with { Spec = new(1, "org.test.one") { Transport = PortTransport.UsbSerial }, IsExported = isExported, IsReady = false, IsGuestOpen = false };
        Assert.Contains(what, ExpectPort(adapter, "adapter-not-fetched", Severity.Warning, fix).What, StringComparison.Ordinal);
    }

    [Fact]
    public void Port_Throttled_IsANote() => ExpectPort(Open with { ThrottledSince = Now.AddSeconds(-3) }, "port-throttled", Severity.Note, null);

    [Fact]
    public void Several_WorstFirst()
    {
        IReadOnlyList<Finding> findings = DeviceDiagnosis.Find(Well with { Fault = new(5, "x") }, [Open with { IsGuestOpen = false }, Open with { IsHostOpen = false }]);
        Assert.Equal([Severity.Error, Severity.Warning, Severity.Note], findings.Select(finding => finding.Severity));
    }

    private static Finding Expect(DeviceState device, string code, Severity severity, string? fix) => Check(DeviceDiagnosis.Find(device, [Open]), code, severity, fix);

    private static Finding ExpectPort(PortState port, string code, Severity severity, string? fix)
    {
        Finding finding = Check(DeviceDiagnosis.Find(Well, [port]), code, severity, fix);
        Assert.Equal(1, finding.Port);
        return finding;
    }

    private static Finding Check(IReadOnlyList<Finding> findings, string code, Severity severity, string? fix)
    {
        // QEMU's interrupts are always worth a note.
        Finding finding = Assert.Single(findings, finding => finding.Code == code || finding.Code != "intx");
        Assert.Equal((code, severity), (finding.Code, finding.Severity));
        if (fix is null)
        {
            Assert.Null(finding.Fix);
        }
        else
        {
            Assert.Contains(fix, finding.Fix, StringComparison.Ordinal);
        }

        return finding;
    }
}
