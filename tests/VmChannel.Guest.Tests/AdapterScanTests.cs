using Xunit;

namespace VmChannel.Guest.Tests;

/// <summary>The scan on a folder that looks like sysfs.</summary>
public sealed class AdapterScanTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("vmchannel-tty-").FullName;

    private string Class => Path.Join(_root, "class", "tty");

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Read_NoTerminals_IsEmpty() => Assert.Empty(AdapterScan.Read(Class));

    [Fact]
    public void Read_AdaptersOfAllKinds_TakesThoseThatAreChannels()
    {
        Plug("ttyUSB10", "vmchannel:org.example.api");
        Plug("ttyUSB2", "vmchannel:bad name");
        Plug("ttyUSB3", "FT232R USB UART");
        Plug("ttyACM0", "vmchannel:org.example.acm");
        Plug("ttyACM1", "Some modem");
        Plug("ttyS0", "vmchannel:org.example.not-usb");

        IReadOnlyList<GuestPort> found = AdapterScan.Read(Class);

        Assert.Equal(["ttyACM0", "ttyUSB2", "ttyUSB10"], found.Select(port => port.Id.Node));
        Assert.Equal("org.example.acm", found[0].Protocol!.Value.Text);
        Assert.Equal("org.example.api", found[2].Protocol!.Value.Text);
        Assert.NotNull(found[1].Fault);
    }

    [Fact]
    public void Plan_OneNameOnTwoTransports_VirtioWinsWhoeverWasFirst()
    {
        GuestPort adapter = Named("ttyUSB0");
        GuestPort port = Named("vport0p4");
        string path = LinkPlan.ChannelPath(port.Protocol!.Value);

        LinkPlan plan = LinkPlan.Make([port, adapter], new Dictionary<string, PortId?> { [path] = adapter.Id });

        Assert.Equal(port.Id, plan.Links[path]);
        Assert.Equal("vport0p4 has that name already; it is the spare, and takes over when that is unplugged", plan.Skipped[adapter.Id]);

        // The spare takes over, and has the name without a number.
        plan = LinkPlan.Make([adapter], new Dictionary<string, PortId?> { [path] = port.Id });
        Assert.Equal(adapter.Id, plan.Links[path]);
        Assert.Empty(plan.ShortLinks);
    }

    private static GuestPort Named(string node)
    {
        Assert.True(PortId.TryParse(node, out PortId id));
        Assert.Equal(node, id.Node);
        return GuestPort.Named(id, "org.example.api"u8);
    }

    private void Plug(string node, string product)
    {
        string device = Path.Join(_root, "devices", "usb1", $"1-{node}");
        string parent = node.StartsWith("ttyACM", StringComparison.Ordinal) ? "" : node;
        string terminal = Directory.CreateDirectory(Path.Join(device, "1-1:1.0", parent, "tty", node)).FullName;
        File.WriteAllText(Path.Join(device, "product"), product + "\n");
        Directory.CreateDirectory(Class);
        File.CreateSymbolicLink(Path.Join(Class, node), Path.GetRelativePath(Class, terminal));
    }
}
