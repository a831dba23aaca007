using System.Text;
using VmChannel.Native;
using Xunit;

namespace VmChannel.Guest.Tests;

/// <summary>The keeper on folders that look like sysfs and /dev.</summary>
public sealed class LinkKeeperTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("vmchannel-links-").FullName;
    private readonly List<string> _log = [];
    private readonly LinkKeeper _keeper;

    public LinkKeeperTests()
    {
        Directory.CreateDirectory(Device);
        _keeper = new(Device, Sysfs, _log.Add);
    }

    private string Device => Path.Join(_root, "dev");

    private string Terminals => Path.Join(_root, "tty");

    private string Sysfs => Path.Join(_root, "sys");

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Update_NoDriver_DoesNothing()
    {
        Assert.Empty(_keeper.Update().Ports);
        Assert.Empty(Directory.EnumerateFileSystemEntries(Device));
    }

    [Fact]
    public void Update_PortAppears_LinksAreAChain()
    {
        Plug("vport0p4", "org.qemu.clipboard");
        _keeper.Update();
        Assert.Equal("../../../vmch4", Target("vmchannel/org/qemu/clipboard"));
        Assert.Equal("vport0p4", Target("vmch4"));
        Assert.Equal("../vport0p4", Target("virtio-ports/org.qemu.clipboard"));
    }

    [Fact]
    public void Update_Twice_ChangesNothing()
    {
        Plug("vport0p4", "org.qemu.clipboard");
        Plug("vport0p5", "bad name");
        _keeper.Update();
        _log.Clear();
        _keeper.Update();
        Assert.Empty(_log);
    }

    [Fact]
    public void Update_PortIsGone_LinksAndTheirFoldersAreGone()
    {
        Plug("vport0p4", "org.qemu.clipboard");
        Plug("vport0p5", "org.qemu.other");
        _keeper.Update();
        Unplug("vport0p4");
        _keeper.Update();
        Assert.Equal("../../../vmch5", Target("vmchannel/org/qemu/other"));
        Unplug("vport0p5");
        _keeper.Update();
        Assert.Empty(Directory.EnumerateFileSystemEntries(Device));
    }

    [Fact]
    public void Update_SameNameOnAnotherPort_LinkFollows()
    {
        Plug("vport0p4", "org.qemu.clipboard");
        _keeper.Update();
        Unplug("vport0p4");
        Plug("vport0p7", "org.qemu.clipboard");
        _keeper.Update();
        Assert.Equal("../../../vmch7", Target("vmchannel/org/qemu/clipboard"));
        Assert.Null(Target("vmch4"));
    }

    /// <summary>As programs look for their channel while the host plugs: what is there for a moment only is there or not, and nothing else.</summary>
    [Fact]
    public async Task Read_LinksComeAndGoMeanwhile_SeesThemOrNot()
    {
        Task keeping = Task.Run(
            () =>
            {
                for (int i = 0; i < 300; i++)
                {
                    Plug("vport0p4", "org.qemu.clipboard");
                    _keeper.Update();
                    Unplug("vport0p4");
                    _keeper.Update();
                }
            },
            TestContext.Current.CancellationToken);
        DeviceLinks links = new(Device);
        try
        {
            while (!keeping.IsCompleted)
            {
                Assert.DoesNotContain(links.Read(), link => link.Value is null);
            }
        }
        finally
        {
            await keeping;
        }

        Assert.DoesNotContain(_log, line => line.StartsWith("warning", StringComparison.Ordinal));
    }

    /// <summary>As where mdev starts a process for each event, and a daemon runs beside it: who saw an older state must not have the last word.</summary>
    [Fact]
    public async Task Update_OfTwoProcesses_TheLastEventCounts()
    {
        LinkKeeper other = new(Device, Sysfs, _ => { }) { TrustsLinks = true };
        Plug("vport0p4", "org.qemu.clipboard");
        for (int i = 0; i < 500; i++)
        {
            Unplug("vport0p4");
            Task late = Task.Run(other.Update, TestContext.Current.CancellationToken);
            Plug("vport0p4", "org.qemu.clipboard");
            _keeper.Update();
            await late;
            Assert.Equal("../../../vmch4", Target("vmchannel/org/qemu/clipboard"));
            Assert.Equal("vport0p4", Target("vmch4"));
        }

        Assert.DoesNotContain(_log, line => line.StartsWith("warning", StringComparison.Ordinal));
    }

    /// <summary>Every user may read the folder, and so keep its lock.</summary>
    [Fact]
    public void Update_SomebodyKeepsTheFoldersLock_MakesLinksAllTheSame()
    {
        using FileDescriptor kept = FolderLock.Take(Device);
        Plug("vport0p4", "a.b");
        _keeper.Update();
        Assert.Equal("../../vmch4", Target("vmchannel/a/b"));
    }

    [Fact]
    public void Update_AfterUdev_ItsLinksStay()
    {
        Plug("vport0p4", "a.b");
        Link("vmchannel/a/b", "../../vport0p4");
        Link("vmch4", "vport0p4");
        _keeper.Update();
        Assert.Equal("../../vport0p4", Target("vmchannel/a/b"));
    }

    [Fact]
    public void Update_LeftOversOfACrash_AreReplaced()
    {
        Plug("vport0p4", "a.b");
        Link("vmchannel/a/b", "../../vmch9");
        _keeper.Update();
        Assert.Equal("../../vmch4", Target("vmchannel/a/b"));
    }

    [Fact]
    public void Update_LinksOfOthers_AreLeftAlone()
    {
        Link("vmchannel/com/example/serial", "../../../ttyS0");
        Link("vmch1", "/etc/passwd");
        File.WriteAllText(Path.Join(Device, "vmch2"), "");
        Plug("vport0p1", "com.example.serial");
        Plug("vport0p2", "com.example");
        _keeper.Update();
        Assert.Equal("../../../ttyS0", Target("vmchannel/com/example/serial"));
        Assert.Equal("/etc/passwd", Target("vmch1"));
        Assert.Contains(_log, line => line.Contains("something else is at the place", StringComparison.Ordinal));
        Assert.Contains(_log, line => line.Contains("warning", StringComparison.Ordinal) && line.Contains("com/example", StringComparison.Ordinal));
    }

    [Fact]
    public void Update_HostileNames_MakeNoLink()
    {
        string[] names = ["../../etc/passwd", "..", "a/b", "a\nb", "\u001b[2J", ""];
        for (int i = 0; i < names.Length; i++)
        {
            Plug($"vport0p{i + 1}", names[i]);
        }

        _keeper.Update();
        Assert.Empty(Directory.EnumerateFileSystemEntries(Device));
        Assert.Equal(names.Length, _log.Count);
        Assert.All(_log, line => Assert.DoesNotContain(line, char.IsControl));
    }

    [Fact]
    public void WaitUntil_NeverSo_EndsInTime() => Assert.Null(_keeper.WaitUntil(_ => false, TimeSpan.FromMilliseconds(20)));

    [Fact]
    public void Update_AdapterUnpluggedAndPluggedBetweenTwoLooks_IsMadeRawAgain()
    {
        LinkKeeper keeper = new(Device, Sysfs, _log.Add, Terminals);
        using PseudoTerminal first = PlugAdapter("ttyUSB0");
        keeper.Update();
        Assert.True(IsRaw(first));

        // The same number and the same name, and another terminal.
        File.Delete(Path.Join(Terminals, "ttyUSB0"));
        using PseudoTerminal second = PlugAdapter("ttyUSB0");
        keeper.Update();
        Assert.True(IsRaw(second));

        using PseudoTerminal untouched = PseudoTerminal.Open(isRaw: false);
        Node("ttyUSB0", untouched.SlavePath);
        keeper.Update();
        Assert.False(IsRaw(untouched));
    }

    [Fact]
    public void Update_AdapterThatCannotBeMadeRaw_IsTriedAgainAndToldOnce()
    {
        LinkKeeper keeper = new(Device, Sysfs, _log.Add, Terminals);
        using PseudoTerminal terminal = PlugAdapter("ttyUSB0");
        Node("ttyUSB0", "not-there-yet");
        keeper.Update();
        keeper.Update();
        _ = Assert.Single(_log, line => line.Contains("cannot be made raw", StringComparison.Ordinal));
        Node("ttyUSB0", terminal.SlavePath);
        keeper.Update();
        Assert.True(IsRaw(terminal));
    }

    /// <summary>As mdev starts one for every event: whoever has an adapter open, or its host end, must not notice.</summary>
    [Fact]
    public void Update_LinksAreTrusted_OpensOnlyAdaptersWithoutOne()
    {
        using PseudoTerminal first = PlugAdapter("ttyUSB0");
        new LinkKeeper(Device, Sysfs, _log.Add, Terminals) { TrustsLinks = true }.Update();
        Assert.True(IsRaw(first));

        using PseudoTerminal untouched = PseudoTerminal.Open(isRaw: false);
        Node("ttyUSB0", untouched.SlavePath);
        using PseudoTerminal second = PlugAdapter("ttyUSB1");
        using PseudoTerminal spare = PlugAdapter("ttyUSB2", "org.example.ttyUSB1");
        new LinkKeeper(Device, Sysfs, _log.Add, Terminals) { TrustsLinks = true }.Update();
        Assert.False(IsRaw(untouched));
        Assert.True(IsRaw(second));
        Assert.False(IsRaw(spare));
    }

    // What becomes of a program's line feed tells the two modes apart.
    private static bool IsRaw(PseudoTerminal terminal)
    {
        _ = FileDescriptor.Open(terminal.SlavePath, OpenFlags.ReadWrite | OpenFlags.NoControllingTerminal, 0, out FileDescriptor? slave).OrThrow("open");
        using FileDescriptor program = slave!;
        _ = program.Write("\n"u8).OrThrow("write");
        byte[] first = new byte[1];
        Span<PollEntry> entries = [new(terminal.Master.Number, PollEvents.In)];
        _ = Poll.Wait(entries, TimeSpan.FromSeconds(30));
        _ = terminal.Master.Read(first).OrThrow("read the master");
        return first[0] == '\n';
    }

    private PseudoTerminal PlugAdapter(string node, string? name = null)
    {
        PseudoTerminal terminal = PseudoTerminal.Open(isRaw: false);
        string device = Path.Join(_root, "devices", Guid.NewGuid().ToString());
        string entry = Directory.CreateDirectory(Path.Join(device, "1-1:1.0", node, "tty", node)).FullName;
        File.WriteAllText(Path.Join(device, "product"), $"vmchannel:{name ?? $"org.example.{node}"}\n");
        Directory.CreateDirectory(Terminals);
        File.CreateSymbolicLink(Path.Join(Terminals, node), entry);
        Node(node, terminal.SlavePath);
        return terminal;
    }

    private void Node(string node, string target)
    {
        File.Delete(Path.Join(Device, node));
        File.CreateSymbolicLink(Path.Join(Device, node), target);
    }

    private void Plug(string node, string name)
    {
        Directory.CreateDirectory(Path.Join(Sysfs, node));
        File.WriteAllText(Path.Join(Sysfs, node, "name"), name + "\n", new UTF8Encoding(false));
    }

    private void Unplug(string node) => Directory.Delete(Path.Join(Sysfs, node), recursive: true);

    private void Link(string path, string target)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.Join(Device, path))!);
        File.CreateSymbolicLink(Path.Join(Device, path), target);
    }

    private string? Target(string path) => new FileInfo(Path.Join(Device, path)).LinkTarget;
}
