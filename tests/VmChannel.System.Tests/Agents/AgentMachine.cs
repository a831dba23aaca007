using VmChannel.Cli.Fetch;
using VmChannel.SystemTests.Rig;
using QemuAgent = VmChannel.Control.Agent.GuestAgent;

namespace VmChannel.SystemTests.Agents;

/// <summary>A guest with Debian's qemu-guest-agent, which a test starts, and a disk that can be frozen.</summary>
public sealed class AgentMachine : IAsyncLifetime
{
    public const string Vm = "device";

    /// <summary>Where the disk is mounted, for the agent and the shell.</summary>
    public const string Disk = "/tmp/disk";

    private const long DiskBytes = 32 * 1024 * 1024;

    private static readonly string[] Patient = ["--timeout", "50s"];

    // The agent's root, so that it has programs to run.
    private const string Root = HostFiles.Root;

    private readonly TestFolder _folder = new();
    private string _agent = "";

    internal ServeProcess Serve { get; private set; } = null!;

    internal Guest Guest { get; private set; } = null!;

    internal string Socket => File("qga.sock");

    public async ValueTask InitializeAsync()
    {
        string peers = await GuestImage.RootOfAsync(PackageSets.Peers);
        _agent = $"{peers}/lib64/ld-linux-x86-64.so.2 --library-path {peers}/lib/x86_64-linux-gnu:{peers}/usr/lib/x86_64-linux-gnu {peers}/usr/sbin/qemu-ga";
        string disk = File("disk.img");
        using (FileStream image = System.IO.File.Create(disk))
        {
            image.SetLength(DiskBytes);
        }

        await using (HostProcess format = await HostProcess.RunAsync("/sbin/mke2fs", "-q", "-t", "ext4", "-F", disk))
        {
            Assert.Equal(0, await format.Ended);
        }

        Serve = await ServeProcess.StartAsync(
            _folder, "-virtioserial", $"protocol={QemuAgent.PortName},char=unix:{Socket},server,clients=4,mode=broadcast,writers=all,on-disconnect=discard");
        Guest = await UmlGuest.BootAsync(Serve, "mem=512M", $"ubd0={disk}");
        await Guest.RunAsync(
            $"{HostFiles.Mount("dev proc sys tmp run")}; mkdir {Root}{Disk}; mount -t ext4 /dev/ubda {Root}{Disk}");
        await Guest.UntilAsync($"[ -e {Machine.PathOf(QemuAgent.PortName)} ]");
    }

    public async ValueTask DisposeAsync()
    {
        await Guest.DisposeAsync();
        await Serve.DisposeAsync();
        _folder.Dispose();
    }

    /// <summary>A path on the host for what a test needs.</summary>
    internal string File(string name) => _folder.File(name);

    /// <remarks>The process that was started ends before the one in the background has written its number.</remarks>
    internal Task StartAgentAsync() => Guest.RunAsync(
        $"chroot {Root} {_agent} -d -m virtio-serial -p {Machine.PathOf(QemuAgent.PortName)} -t /tmp -f /tmp/qga.pid -l /tmp/qga.log && "
        + $"until [ -s {Root}/tmp/qga.pid ]; do sleep 0.01; done");

    /// <summary>Ends it as an accident would.</summary>
    internal Task KillAgentAsync() => Guest.RunAsync(
        $"read -r pid <{Root}/tmp/qga.pid; kill -9 $pid; while [ -e /proc/$pid ]; do sleep 0.01; done; rm {Root}/tmp/qga.pid");

    /// <summary>The published <c>vmchannel agent</c>, without input. The agent may be silent for long, unless the words say how long.</summary>
    internal Task<(int Code, string Output, string Errors)> RunAsync(string verb, params string[] words)
        => Serve.CommandAsync(["agent", verb, .. words.Contains("--timeout") ? [] : Patient, .. words]);
}
