using System.Text;
using CsCheck;
using Xunit;

namespace VmChannel.Guest.Tests;

public sealed class LinkPlanTests
{
    private static readonly Dictionary<string, PortId?> Nothing = [];

    // Few names and numbers, so that clashes of every kind come up.
    private static readonly Gen<IReadOnlyList<GuestPort>> Ports =
        Gen.Select(Gen.UInt[0, 2], Gen.UInt[1, 4], Gen.Int[0, 9]).Array[0, 8].Select(IReadOnlyList<GuestPort> (drawn) =>
            [.. drawn.DistinctBy(port => (port.Item1, port.Item2)).Select(port => Make(port.Item1, port.Item2, port.Item3)).OrderBy(port => port.Id)]);

    private static readonly string?[] Names =
        [null, "", "a", "a.b", "a.b.c", "a.c", "b", "../x", "org.vmchannel.run.control", "a..b"];

    [Fact]
    public void Make_OnePort_HasTheThreeLinks()
    {
        LinkPlan plan = LinkPlan.Make([Port(0, 4, "org.qemu.clipboard")], Nothing);
        Assert.Equal(
            ["virtio-ports/org.qemu.clipboard", "vmch4", "vmchannel/org/qemu/clipboard"],
            plan.Links.Keys.Order(StringComparer.Ordinal));
        Assert.Empty(plan.Skipped);
    }

    [Fact]
    public void Make_SameNumberOnTwoDevices_SecondGetsTheLongLink()
    {
        LinkPlan plan = LinkPlan.Make([Port(0, 1, "a"), Port(1, 1, "b")], Nothing);
        Assert.Equal(new PortId(0, 1), plan.Links["vmch1"]);
        Assert.Equal(new PortId(1, 1), plan.Links["vmch1p1"]);
    }

    [Fact]
    public void Make_LowerDeviceWithoutNameYet_ShortLinkWaitsForIt()
    {
        LinkPlan plan = LinkPlan.Make([GuestPort.Unnamed(new(0, 1)), Port(1, 1, "b")], Nothing);
        Assert.Equal("vmch1p1", plan.ShortLinks[new(1, 1)]);
    }

    [Fact]
    public void Make_HeldByAHigherDevice_StaysThere()
    {
        Dictionary<string, PortId?> held = new() { ["vmch1"] = new PortId(1, 1), ["vmchannel/a"] = new PortId(1, 1) };
        LinkPlan plan = LinkPlan.Make([Port(0, 1, "a"), Port(1, 1, "a")], held);
        Assert.Equal(new PortId(1, 1), plan.Links["vmch1"]);
        Assert.Equal(new PortId(1, 1), plan.Links["vmchannel/a"]);
        Assert.Contains("has that name already", plan.Skipped[new(0, 1)], StringComparison.Ordinal);
    }

    [Fact]
    public void Make_HolderIsGone_NameIsFree()
    {
        Dictionary<string, PortId?> held = new() { ["vmch1"] = new PortId(0, 1), ["vmchannel/a"] = new PortId(0, 1) };
        LinkPlan plan = LinkPlan.Make([Port(0, 2, "a")], held);
        Assert.Equal(new PortId(0, 2), plan.Links["vmchannel/a"]);
        Assert.Equal("vmch2", plan.ShortLinks[new(0, 2)]);
    }

    [Theory]
    [InlineData("org.qemu", "org.qemu.clipboard", "cannot also be a folder")]
    [InlineData("org.qemu.clipboard", "org.qemu", "cannot also be their folder")]
    [InlineData("org.qemu", "org.qemu", "has that name already")]
    public void Make_NamesClash_SecondIsSkippedWithAReason(string first, string second, string reason)
    {
        LinkPlan plan = LinkPlan.Make([Port(0, 1, first), Port(0, 2, second)], Nothing);
        Assert.Contains(reason, plan.Skipped[new(0, 2)], StringComparison.Ordinal);
        Assert.DoesNotContain("vmch2", plan.Links.Keys);
    }

    [Fact]
    public void Make_SomethingElseIsThere_ItStays()
    {
        Dictionary<string, PortId?> held = new() { ["vmch1"] = null, ["virtio-ports/a"] = null, ["vmchannel/b"] = null };
        LinkPlan plan = LinkPlan.Make([Port(0, 1, "a"), Port(0, 2, "b")], held);
        Assert.Equal("vmch0p1", plan.ShortLinks[new(0, 1)]);
        Assert.DoesNotContain(plan.Links.Keys, held.ContainsKey);
        Assert.Contains("something else", plan.Skipped[new(0, 2)], StringComparison.Ordinal);
    }

    [Fact]
    public void Make_InternalPort_HasNoLinksAndNoWarning()
    {
        LinkPlan plan = LinkPlan.Make([Port(0, 1, "org.vmchannel.run.control")], Nothing);
        Assert.Empty(plan.Links);
        Assert.Empty(plan.Skipped);
    }

    [Fact]
    public void Make_AnyPorts_NoLinkIsAFolderOfAnother() => Ports.Sample(ports =>
    {
        LinkPlan plan = LinkPlan.Make(ports, Nothing);
        foreach (string path in plan.Links.Keys)
        {
            Assert.DoesNotContain(plan.Links.Keys, other => other.StartsWith(path + "/", StringComparison.Ordinal));
            Assert.StartsWith("/dev/", Path.GetFullPath(path, "/dev"), StringComparison.Ordinal);
        }
    });

    [Fact]
    public void Make_AnyPorts_EachValidNameIsLinkedOrSkipped() => Ports.Sample(ports =>
    {
        LinkPlan plan = LinkPlan.Make(ports, Nothing);
        foreach (GuestPort port in ports.Where(port => port.Protocol is not null && !port.IsInternal))
        {
            bool linked = plan.Links.TryGetValue(LinkPlan.ChannelPath(port.Protocol!.Value), out PortId id) && id == port.Id;
            Assert.NotEqual(linked, plan.Skipped.ContainsKey(port.Id));
            Assert.Equal(linked, plan.ShortLinks.ContainsKey(port.Id));
        }
    });

    [Fact]
    public void Make_AnyOtherPortsPlugged_NoLinkMoves() => Gen.Select(Ports, Ports).Sample((before, plugged) =>
    {
        LinkPlan plan = LinkPlan.Make(before, Nothing);
        Dictionary<string, PortId?> held = plan.Links.ToDictionary(pair => pair.Key, pair => (PortId?)pair.Value);
        IReadOnlyList<GuestPort> after = [.. before.Concat(plugged).DistinctBy(port => port.Id).OrderBy(port => port.Id)];
        LinkPlan next = LinkPlan.Make(after, held);
        Assert.All(plan.Links, pair => Assert.Equal(pair.Value, next.Links[pair.Key]));
    });

    private static GuestPort Make(uint device, uint number, int name) =>
        Names[name] is string text ? Port(device, number, text) : GuestPort.Unnamed(new(device, number));

    private static GuestPort Port(uint device, uint number, string name) => GuestPort.Named(new(device, number), Encoding.ASCII.GetBytes(name));
}
