using VmChannel.Cli.Fetch;
using VmChannel.Cli.Run;

namespace VmChannel.Bench.Guests;

/// <summary>A booted guest with our program in it, its device in a process of its own, and the host ends of its channels.</summary>
internal sealed class GuestRig : IAsyncDisposable
{
    public const string OursName = "org.vmchannel.bench.ours";
    public const string OwnName = "org.vmchannel.bench.own";
    public const string SinkName = "org.vmchannel.bench.sink";

    private const int Queues = 10;
    private const int MemoryMiB = 512;

    private readonly string _folder;
    private readonly int _pollMicroseconds;
    private readonly List<IAsyncDisposable> _processes = [];

    private GuestRig(string folder, int pollMicroseconds) => (_folder, _pollMicroseconds) = (folder, pollMicroseconds);

    public GuestAgent Agent { get; private set; } = null!;

    public ProcessAccount Processes { get; private set; } = null!;

    /// <summary>Through our device, a unix socket at the host end.</summary>
    public Contestant Ours { get; private set; } = null!;

    /// <summary>Through our device, which takes the bytes and looks at none.</summary>
    public Contestant Sink { get; } = new(SinkName, null);

    /// <summary>Through QEMU's own device, a unix socket at the host end; null where the monitor has none.</summary>
    public Contestant? Own { get; private set; }

    /// <summary>Boots one.</summary>
    /// <param name="vmm">Which monitor.</param>
    /// <param name="folder">A private folder for sockets.</param>
    /// <param name="pollMicroseconds">How long our device looks around before it sleeps.</param>
    /// <param name="cancellationToken">Stops the fetching of what is missing.</param>
    public static async Task<GuestRig> BootAsync(Vmm vmm, string folder, int pollMicroseconds, CancellationToken cancellationToken)
    {
        GuestRig rig = new(folder, pollMicroseconds);
        try
        {
            await rig.StartAsync(vmm, cancellationToken);
            return rig;
        }
        catch
        {
            await rig.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        Ours?.Peer?.Dispose();
        Own?.Peer?.Dispose();
        Agent?.Dispose();
        foreach (IAsyncDisposable process in Enumerable.Reverse(_processes))
        {
            await process.DisposeAsync();
        }
    }

    /// <summary>A program that was built with this one.</summary>
    public static string Beside(string name)
    {
        string path = Path.Combine(AppContext.BaseDirectory, name);
        return File.Exists(path) ? path : throw new BenchException($"{path} is missing; ./bench builds it");
    }

    private async Task StartAsync(Vmm vmm, CancellationToken cancellationToken)
    {
        VmmProcess device = await RunAsync(
        [
            BenchCommand.Program, "serve", "--vhost-user", Socket("device"), "--control", "none", "--poll-us", $"{_pollMicroseconds}",
            "-virtioserial", $"port=1,protocol={GuestAgent.ControlName},char=unix:{Socket("control")},server=on,wait=off",
            "-virtioserial", $"port=2,protocol={OursName},char=unix:{Socket("ours")},server=on,wait=off",
            "-virtioserial", $"port=3,protocol={SinkName},service=sink",
        ]);
        Ours = new(OursName, HostPeer.Connect(Socket("ours")));
        Agent = new(Socket("control"));

        VmmProcess monitor = await RunAsync(await MonitorCommandAsync(vmm, cancellationToken));
        Own = vmm == Vmm.Qemu ? new(OwnName, HostPeer.Connect(Socket("own"))) : null;
        try
        {
            Agent.WaitUntilReady();
        }
        catch (IOException)
        {
            throw new BenchException($"the guest did not boot; its last words:\n{monitor.Log.LastLines(12)}\nand the device's:\n{device.Log.LastLines(6)}");
        }

        Processes = new(device.Id, vmm == Vmm.Qemu ? monitor.Id : null);
    }

    private async Task<IReadOnlyList<string>> MonitorCommandAsync(Vmm vmm, CancellationToken cancellationToken)
    {
        PackageStore store = new(CacheFolder.Default, new ProgressLine());
        GuestKernel kernel = await GuestKernel.GetAsync(new RunOptions(vmm, MemoryMiB, null, [], false, []), store, cancellationToken);
        string[] modules = vmm == Vmm.Qemu ? ["virtio_pci", "virtio_console"] : ["virtio_console"];
        string initramfs = Initramfs.Get(CacheFolder.Default, Beside("vmchannel-bench-guest"), kernel.ModulesFolder, modules);
        GuestBoot boot = new(Socket("device"), kernel.Path, initramfs, MemoryMiB, Queues, []);
        return vmm == Vmm.Uml ? UmlCommand.Arguments(boot, _folder) :
        [
            .. QemuCommand.Arguments(boot, kernel.MonitorRoot!),
            "-name", "bench,debug-threads=on",
            "-device", "virtio-serial-pci,id=own",
            "-chardev", $"socket,id=ownhost,path={Socket("own")},server=on,wait=off",
            "-device", $"virtserialport,bus=own.0,chardev=ownhost,name={OwnName}",
        ];
    }

    private string Socket(string name) => Path.Combine(_folder, name);

    private async Task<VmmProcess> RunAsync(IReadOnlyList<string> command)
    {
        VmmProcess process = await VmmProcess.StartAsync(Sandbox.With(null).Around(command, [], []), new Dictionary<string, string>());
        _processes.Add(process);
        return process;
    }
}
