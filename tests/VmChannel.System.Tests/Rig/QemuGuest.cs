using System.Net.Sockets;
using VmChannel.Cli.Fetch;

namespace VmChannel.SystemTests.Rig;

/// <summary>A guest in QEMU without KVM, with a stock kernel.</summary>
internal sealed class QemuGuest : Guest
{
    private readonly Socket _line;

    private QemuGuest(HostProcess monitor, Socket line, QmpClient control, Lines lineOutput)
        : base(monitor, new NetworkStream(line), lineOutput)
    {
        _line = line;
        Control = control;
    }

    public QmpClient Control { get; }

    public static async Task<QemuGuest> BootAsync(ServeProcess serve)
        => await BootAsync(PackageSets.Qemu, await GuestImage.ForQemuAsync(), serve.Socket, await serve.ArgumentsForAsync("qemu"));

    /// <summary>Boots with USB adapters, and nothing of virtio.</summary>
    /// <param name="qemu">Which QEMU.</param>
    /// <param name="place">A path beside which its own sockets are put.</param>
    /// <param name="device">Its arguments for the adapters.</param>
    /// <param name="words">More words for the kernel.</param>
    public static async Task<QemuGuest> BootUsbAsync(PackageSet qemu, string place, string[] device, string words = "")
        => await BootAsync(qemu, await GuestImage.ForUsbAsync(), place, ["-m", "512M", "-machine", "q35", .. device], words);

    /// <summary>Boots one that knows nothing of vmchannel.</summary>
    /// <param name="qemu">Which QEMU.</param>
    /// <param name="place">A path beside which its own sockets are put.</param>
    /// <param name="monitor">Where it serves another monitor.</param>
    /// <param name="device">Its machine and devices.</param>
    public static async Task<QemuGuest> BootStockAsync(PackageSet qemu, string place, string monitor, string[] device)
        => await BootAsync(qemu, await GuestImage.ForQemuAsync(), place, ["-qmp", $"unix:{monitor},server=on,wait=off", .. device]);

    private static async Task<QemuGuest> BootAsync(PackageSet set, GuestImage image, string place, string[] device, string words = "")
    {
        string qemu = await GuestImage.RootOfAsync(set);
        string line = $"{place}.line";
        string control = $"{place}.qmp";
        const string Triplet = "x86_64-linux-gnu";
        string loader = new[] { $"{qemu}/usr/lib64", $"{qemu}/lib/{Triplet}" }.Select(folder => $"{folder}/ld-linux-x86-64.so.2").First(File.Exists);

        // The packages' own loader: they fit no other libc.
        HostProcess monitor = HostProcess.Start(
        [
            loader,
            "--library-path", $"{qemu}/usr/lib/{Triplet}:{qemu}/lib/{Triplet}:{qemu}/usr/lib/{Triplet}/pulseaudio",
            $"{qemu}/usr/bin/qemu-system-x86_64", "-L", $"{qemu}/usr/share/qemu", "-L", $"{qemu}/usr/share/seabios",
            "-no-user-config", "-nodefaults", "-display", "none", "-nic", "none", "-accel", "tcg", "-cpu", "max",
            "-chardev", "stdio,id=log,signal=off", "-serial", "chardev:log",
            "-chardev", $"socket,id=line,path={line},server=on,wait=on", "-serial", "chardev:line",
            "-qmp", $"unix:{control},server=on,wait=off",
            .. device,

            // QEMU 7.2 keeps what it has translated of a page for each address that a program had it at. With addresses at random these grow
            // to 100000 for a page of the shell or libc; after a reboot, each byte that the kernel writes there goes through them all, for minutes.
            "-kernel", image.Kernel, "-initrd", image.Archive, "-append", $"console=ttyS0 quiet panic=-1 norandmaps vmtest.line=ttyS1 {words}",
        ], start => start.Environment["QEMU_MODULE_DIR"] = $"{qemu}/usr/lib/{Triplet}/qemu");

        Lines output = new("the guest's line");
        Socket lineSocket = await ConnectAsync(line, monitor);
        _ = output.FillAsync(new StreamReader(new NetworkStream(lineSocket)));
        QmpClient client = await QmpClient.OpenAsync(await ConnectAsync(control, monitor));
        QemuGuest guest = new(monitor, lineSocket, client, output);
        await guest.WaitForFirstBootAsync();
        return guest;
    }

    public override async ValueTask DisposeAsync()
    {
        Control.Dispose();
        await base.DisposeAsync();
        _line.Dispose();
    }

    private static async Task<Socket> ConnectAsync(string path, HostProcess monitor)
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await Patience.UntilAsync(() => TryConnect(socket, path) || monitor.Ended.IsCompleted, () => $"QEMU never listened on {path}\n{monitor.Errors}");
        return socket.Connected ? socket : throw new InvalidOperationException($"QEMU ended with {await monitor.Ended}:\n{monitor.Errors}");
    }

    private static bool TryConnect(Socket socket, string path)
    {
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
