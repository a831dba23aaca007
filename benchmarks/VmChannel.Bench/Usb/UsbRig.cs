using VmChannel.Bench.Guests;
using VmChannel.Cli.Fetch;
using VmChannel.Cli.Run;

namespace VmChannel.Bench.Usb;

/// <summary>A booted guest with USB serial adapters: three of ours over usbredir, and QEMU's own. All are raw terminals there, kept open.</summary>
internal sealed class UsbRig : IAsyncDisposable
{
    private const string OursName = "org.vmchannel.bench.ours";
    private const string AcmName = "org.vmchannel.bench.acm";
    private const string SinkName = "org.vmchannel.bench.sink";
    private const int MemoryMiB = 512;

    private readonly string _folder;
    private readonly int _pollMicroseconds;
    private readonly List<IAsyncDisposable> _processes = [];

    private UsbRig(string folder, int pollMicroseconds) => (_folder, _pollMicroseconds) = (folder, pollMicroseconds);

    public GuestAgent Agent { get; private set; } = null!;

    public ProcessAccount Processes { get; private set; } = null!;

    public Contestant Ours { get; private set; } = null!;

    /// <summary>Ours with <c>adapter=acm</c>.</summary>
    public Contestant Acm { get; private set; } = null!;

    /// <summary>Ours, which takes the bytes and looks at none: as fast as any usbredir peer can be.</summary>
    public Contestant Sink { get; } = new($"usb:vmchannel:{SinkName}", null);

    public Contestant Own { get; private set; } = null!;

    /// <summary>Boots one.</summary>
    /// <param name="folder">A private folder for sockets.</param>
    /// <param name="pollMicroseconds">How long our server looks around before it sleeps.</param>
    /// <param name="cancellationToken">Stops the fetching of what is missing.</param>
    public static async Task<UsbRig> BootAsync(string folder, int pollMicroseconds, CancellationToken cancellationToken)
    {
        UsbRig rig = new(folder, pollMicroseconds);
        try
        {
            await rig.StartAsync(cancellationToken);
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
        Acm?.Peer?.Dispose();
        Own?.Peer?.Dispose();
        Agent?.Dispose();
        foreach (IAsyncDisposable process in Enumerable.Reverse(_processes))
        {
            await process.DisposeAsync();
        }
    }

    private async Task StartAsync(CancellationToken cancellationToken)
    {
        VmmProcess device = await RunAsync(
        [
            BenchCommand.Program, "serve", "--usbredir-dir", _folder, "--control", "none", "--poll-us", $"{_pollMicroseconds}",
            "-usbserial", $"protocol={OursName},char=unix:{Socket("ours")},server=on,wait=off",
            "-usbserial", $"protocol={AcmName},adapter=acm,char=unix:{Socket("acm")},server=on,wait=off",
            "-usbserial", $"protocol={SinkName},service=sink",
        ]);
        Ours = new($"usb:vmchannel:{OursName}", HostPeer.Connect(Socket("ours")));
        Acm = new($"usb:vmchannel:{AcmName}", HostPeer.Connect(Socket("acm")));
        VmmProcess monitor = await RunAsync(await MonitorCommandAsync(cancellationToken));

        // QEMU plugs its own adapter in when somebody is at the host end.
        Own = new("usb:QEMU_USB_SERIAL", HostPeer.Connect(Socket("own")));
        try
        {
            Agent = new(Socket("control"));
            Agent.WaitUntilReady();
            foreach (Contestant contestant in new[] { Ours, Acm, Sink, Own })
            {
                Agent.Say($"open {contestant.Port}");
                _ = Agent.WaitUntilDone();
            }
        }
        catch (IOException)
        {
            throw new BenchException($"the guest did not boot; its last words:\n{monitor.Log.LastLines(12)}\nand the device's:\n{device.Log.LastLines(6)}");
        }

        Processes = new(device.Id, monitor.Id);
    }

    private async Task<IReadOnlyList<string>> MonitorCommandAsync(CancellationToken cancellationToken)
    {
        const string Triplet = "x86_64-linux-gnu";
        PackageStore store = new(CacheFolder.Default, new ProgressLine());
        string qemu = Path.Combine(await store.GetAsync(PackageSets.QemuUsb, cancellationToken), "root");
        string boot = Path.Combine(await store.GetAsync(PackageSets.Kernel, cancellationToken), "root", "boot");
        string kernel = Directory.GetFiles(boot, "vmlinuz-*").Single();
        string initramfs = Initramfs.Get(
            CacheFolder.Default, GuestRig.Beside("vmchannel-bench-guest"), GuestKernel.ModulesBeside(kernel)!,
            ["virtio_pci", "virtio_console", "xhci_pci", "ftdi_sio", "cdc_acm"]);
        string loader = new[] { $"{qemu}/usr/lib64", $"{qemu}/lib/{Triplet}" }.Select(folder => $"{folder}/ld-linux-x86-64.so.2").First(File.Exists);
        return
        [
            loader,
            "--library-path", $"{qemu}/usr/lib/{Triplet}:{qemu}/lib/{Triplet}:{qemu}/usr/lib/{Triplet}/pulseaudio",
            $"{qemu}/usr/bin/qemu-system-x86_64", "-L", $"{qemu}/usr/share/qemu", "-L", $"{qemu}/usr/share/seabios",
            "-no-user-config", "-nodefaults", "-no-reboot", "-display", "none", "-nic", "none",
            "-name", "bench,debug-threads=on",
            "-accel", "tcg", "-cpu", "max", "-smp", "1", "-m", $"{MemoryMiB}M", "-machine", "q35",
            "-chardev", "stdio,id=log,signal=off", "-serial", "chardev:log",
            "-device", "virtio-serial-pci,id=own",
            "-chardev", $"socket,id=control,path={Socket("control")},server=on,wait=off",
            "-device", $"virtserialport,bus=own.0,chardev=control,name={GuestAgent.ControlName}",
            "-device", "qemu-xhci,id=usb,p2=4,p3=4",
            "-chardev", $"socket,id=ours,path={Socket($"{OursName}.sock")}",
            "-device", "usb-redir,chardev=ours,bus=usb.0",
            "-chardev", $"socket,id=acm,path={Socket($"{AcmName}.sock")}",
            "-device", "usb-redir,chardev=acm,bus=usb.0",
            "-chardev", $"socket,id=sink,path={Socket($"{SinkName}.sock")}",
            "-device", "usb-redir,chardev=sink,bus=usb.0",
            "-chardev", $"socket,id=theirs,path={Socket("own")},server=on,wait=off",
            "-device", "usb-serial,chardev=theirs,bus=usb.0",
            "-kernel", kernel, "-initrd", initramfs, "-append", "console=ttyS0 quiet panic=-1",
        ];
    }

    private string Socket(string name) => Path.Combine(_folder, name);

    private async Task<VmmProcess> RunAsync(IReadOnlyList<string> command)
    {
        Dictionary<string, string> environment = new() { ["QEMU_MODULE_DIR"] = ModuleFolder(command) };
        VmmProcess process = await VmmProcess.StartAsync(Sandbox.With(null).Around(command, [], []), environment);
        _processes.Add(process);
        return process;
    }

    /// <summary>QEMU's parts, usbredir among them, lie beside its libraries.</summary>
    private static string ModuleFolder(IReadOnlyList<string> command)
        => Path.Combine(command.FirstOrDefault(word => word.Contains("/pulseaudio", StringComparison.Ordinal))?.Split(':')[0] ?? "/nonexistent", "qemu");
}
