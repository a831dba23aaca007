using System.Text;
using VmChannel.GuestTool.Doctor;
using Xunit;

namespace VmChannel.Guest.Tests;

/// <summary>What the guest's doctor says of states that are hard to get into.</summary>
public sealed class GuestDiagnosisTests
{
    private const string Link = "vmchannel/org/example/log";
    private const uint GroupId = 990;

    private static readonly PortId Id = new(0, 4);

    private static readonly GuestState Healthy = new()
    {
        Devices = 1,
        HasDriver = true,
        Ports = [Port("org.example.log")],
        Links = new Dictionary<string, PortId?> { [Link] = Id, ["vmch4"] = Id },
        Nodes = Node(),
        Udev = new(IsRunning: true, HasRule: true, HasTool: true),
        Group = new(GroupId, []),
        User = new("ann", [1000]),
    };

    [Fact]
    public void Find_Healthy_Nothing()
    {
        Assert.Empty(GuestDiagnosis.Find(Healthy));
        Assert.Equal("nothing is wrong", DoctorVerb.Text([]));
    }

    [Fact]
    public void Find_DeviceWithoutDriver_IsAnErrorAndNothingElse()
    {
        Finding finding = Only(Healthy with { HasDriver = false, Ports = [] }, "driver-missing", Severity.Error);

        Assert.StartsWith("modprobe virtio_console", finding.Fix, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, "vmchannel serve")]
    [InlineData(1, "vmchannel plug")]
    public void Find_NoPorts_IsANote(int devices, string fix)
    {
        Finding finding = Only(Healthy with { Devices = devices, HasDriver = devices > 0, Ports = [] }, "no-channels", Severity.Note);

        Assert.Contains(fix, finding.Fix, StringComparison.Ordinal);
    }

    [Fact]
    public void Find_NameOutOfBounds_IsShownPrintable()
    {
        Finding finding = Only(Healthy with { Ports = [Port("../etc\u001b")] }, "name-invalid", Severity.Warning);

        Assert.Contains("../etc\\x1b (/dev/vport0p4)", finding.What, StringComparison.Ordinal);
    }

    [Fact]
    public void Find_TwoOfOneName_SecondHasNone()
    {
        PortId second = new(0, 5);
        Finding finding = Only(
            Healthy with { Ports = [Port("org.example.log"), Port("org.example.log", second)], Nodes = Node(second) }, "name-taken", Severity.Warning);

        Assert.Contains("/dev/vport0p5", finding.What, StringComparison.Ordinal);
        Assert.Contains("vport0p4 has that name already", finding.What, StringComparison.Ordinal);
    }

    [Fact]
    public void Find_FileAtThePlaceOfTheLink_IsToBeRemoved()
    {
        Finding finding = Only(Healthy with { Links = new Dictionary<string, PortId?> { [Link] = null } }, "name-taken", Severity.Warning);

        Assert.Contains("/dev/" + Link, finding.Fix, StringComparison.Ordinal);
    }

    [Fact]
    public void Find_SpareAdapter_IsANote()
    {
        Assert.True(PortId.TryParse("ttyUSB0", out PortId spare));
        _ = Only(Healthy with { Ports = [Port("org.example.log"), Port("org.example.log", spare)], Nodes = Node(spare) }, "name-taken", Severity.Note);
    }

    [Fact]
    public void Find_NoName_IsANote() => Only(Healthy with { Ports = [GuestPort.Unnamed(Id)] }, "port-unnamed", Severity.Note);

    [Fact]
    public void Find_Console_IsLeftAlone() =>
        Assert.Empty(GuestDiagnosis.Find(Healthy with { Ports = [GuestPort.Unnamed(Id)], Nodes = Node(state: new(null, null, IsConsole: true)) }));

    [Theory]
    [InlineData(true, true, true, "udevadm trigger --subsystem-match=virtio-ports, as root")]
    [InlineData(true, true, false, "install -m 755 vmchannel-guest /usr/bin/")]
    [InlineData(true, false, true, "install -m 644 packaging/udev/60-vmchannel.rules /usr/lib/udev/rules.d/")]
    [InlineData(false, true, true, "vmchannel-guest watch")]
    public void Find_NoLink_FixIsForWhoMakesIt(bool isRunning, bool hasRule, bool hasTool, string fix)
    {
        GuestState guest = Healthy with { Links = new Dictionary<string, PortId?>(), Udev = new(isRunning, hasRule, hasTool) };

        Assert.Contains(fix, Only(guest, "link-missing", Severity.Warning).Fix, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(GroupId, false, false, "adduser ann vmchannel")]
    [InlineData(GroupId, true, false, "log out and in again")]
    [InlineData(GroupId, true, true, "chmod 660 /dev/vport0p4")]
    [InlineData(0u, true, true, "udevadm trigger")]
    public void Find_Denied_FixIsWhatLacks(uint owner, bool isMember, bool isInSession, string fix)
    {
        GuestState guest = Healthy with
        {
            Nodes = Node(isDenied: true, group: owner),
            Group = new(GroupId, isMember ? ["ann"] : []),
            User = new("ann", isInSession ? [1000, GroupId] : [1000]),
        };

        Assert.StartsWith(fix, Only(guest, "no-access", Severity.Warning).Fix, StringComparison.Ordinal);
    }

    [Fact]
    public void Find_DeniedWithoutTheGroup_GroupIsMade() => Assert.StartsWith(
        "groupadd --system vmchannel && adduser ann vmchannel",
        Only(Healthy with { Nodes = Node(isDenied: true, group: 0), Group = null }, "no-access", Severity.Warning).Fix,
        StringComparison.Ordinal);

    [Fact]
    public void Find_OpenWithoutAHost_SaysWhoWaits()
    {
        IReadOnlyList<Finding> findings = GuestDiagnosis.Find(
            Healthy with { Nodes = Node(state: new(GuestOpen: true, HostOpen: false, IsConsole: false), holders: [new(12, "ag\nent")]) });

        Assert.Equal(["port-busy", "host-absent"], findings.Select(finding => finding.Code));
        Assert.Contains("ag?ent (pid 12)", findings[0].What, StringComparison.Ordinal);
        Assert.EndsWith("nothing is wrong", DoctorVerb.Text(findings), StringComparison.Ordinal);
    }

    [Fact]
    public void Find_SeveralThings_WorstFirst()
    {
        PortId first = new(0, 3);
        GuestState guest = Healthy with { Ports = [GuestPort.Unnamed(first), Port("org.example.log")], Nodes = Node(first), Links = new Dictionary<string, PortId?>() };
        IReadOnlyList<Finding> findings = GuestDiagnosis.Find(guest);

        Assert.Equal(["link-missing", "port-unnamed"], findings.Select(finding => finding.Code));
        string text = DoctorVerb.Text(findings);
        Assert.StartsWith("warning: org.example.log (/dev/vport0p4) has no link", text, StringComparison.Ordinal);
        Assert.Contains(" [link-missing]\n  fix: udevadm trigger", text, StringComparison.Ordinal);
        Assert.EndsWith("0 errors, 1 warning", text, StringComparison.Ordinal);
    }

    private static Finding Only(GuestState guest, string code, Severity severity)
    {
        Finding finding = Assert.Single(GuestDiagnosis.Find(guest));
        Assert.Equal((code, severity), (finding.Code, finding.Severity));
        return finding;
    }

    private static GuestPort Port(string name, PortId? id = null) => GuestPort.Named(id ?? Id, Encoding.UTF8.GetBytes(name));

    private static Dictionary<PortId, NodeState> Node(
        PortId? other = null, PortState? state = null, bool isDenied = false, uint group = GroupId, IReadOnlyList<Holder>? holders = null)
    {
        NodeState node = new(state ?? new(null, null, null), isDenied, group, holders ?? []);
        return new[] { Id, other ?? Id }.Distinct().ToDictionary(id => id, _ => node);
    }
}
