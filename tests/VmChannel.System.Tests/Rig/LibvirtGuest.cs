using System.Net.Sockets;
using VmChannel.Cli.Fetch;

namespace VmChannel.SystemTests.Rig;

/// <summary>A domain of a libvirt daemon of its own: that of an ordinary user (<c>qemu:///session</c>), with QEMU 7.2 and Debian's cloud kernel.</summary>
/// <remarks>
/// libvirt's packages know their places by heart, so the daemon sees them at / of a namespace of its own, in which it is user 1000. Its end takes
/// every QEMU with it.
/// </remarks>
internal sealed class LibvirtGuest : Guest
{
    private const string Triplet = "x86_64-linux-gnu";
    private const string Name = "web";

    private static readonly string[] Folders = ["usr", "lib", "lib64", "bin", "sbin"];

    private readonly Socket _line;
    private readonly string[] _virsh;

    private LibvirtGuest(HostProcess daemon, Socket line, Lines lineOutput, string[] virsh)
        : base(daemon, new NetworkStream(line), lineOutput)
    {
        _line = line;
        _virsh = virsh;
    }

    /// <summary>Boots a domain with a virtio-serial controller.</summary>
    /// <param name="folder">For the daemon's files; paths of the channels' sockets and of the monitor are below it.</param>
    /// <param name="channels">Channels, as elements of the domain's devices.</param>
    /// <param name="monitor">Where its QEMU serves a monitor that is not libvirt's.</param>
    public static async Task<LibvirtGuest> BootAsync(TestFolder folder, string channels, string monitor)
    {
        string libvirt = await GuestImage.RootOfAsync(PackageSets.Libvirt);
        string qemu = await GuestImage.RootOfAsync(PackageSets.QemuUsb);
        GuestImage image = await GuestImage.ForQemuAsync();
        string run = Directory.CreateDirectory(folder.File("run")).FullName;
        string etc = Directory.CreateDirectory(folder.File("etc")).FullName;
        await File.WriteAllTextAsync(Path.Combine(etc, "passwd"), $"user:x:1000:1000::{folder.Root}:/bin/false\n");
        await File.WriteAllTextAsync(Path.Combine(etc, "group"), "user:x:1000:\n");
        string imageFolder = Path.GetDirectoryName(image.Archive)!;
        string kernelFolder = Path.GetDirectoryName(image.Kernel)!;

        string fence = await GuestImage.RootOfAsync(PackageSets.Bubblewrap);
        HostProcess daemon = HostProcess.Start(
        [
            $"{fence}/usr/bin/bwrap", "--unshare-user", "--unshare-pid", "--uid", "1000", "--gid", "1000", "--die-with-parent", "--tmpfs", "/",
            .. Folders.SelectMany<string, string>(each => ["--ro-bind", $"{libvirt}/{each}", $"/{each}"]),
            "--ro-bind", etc, "/etc", "--ro-bind", "/sys", "/sys", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp",
            "--ro-bind", qemu, qemu, "--ro-bind", imageFolder, imageFolder, "--ro-bind", kernelFolder, kernelFolder, "--bind", folder.Root, folder.Root,
            "--setenv", "HOME", folder.Root, "--setenv", "XDG_RUNTIME_DIR", run, "--setenv", "PATH", "/usr/sbin:/usr/bin:/sbin:/bin",
            "--setenv", "LD_LIBRARY_PATH", $"{qemu}/usr/lib/{Triplet}:{qemu}/lib/{Triplet}:{qemu}/usr/lib/{Triplet}/pulseaudio",
            "--", "/usr/sbin/libvirtd",
        ], start => start.Environment["LD_LIBRARY_PATH"] = $"{fence}/lib/{Triplet}:{fence}/usr/lib/{Triplet}");
        string socket = Path.Combine(run, "libvirt", "libvirt-sock");
        string[] virsh =
        [
            $"{libvirt}/lib64/ld-linux-x86-64.so.2", "--library-path", $"{libvirt}/usr/lib/{Triplet}:{libvirt}/lib/{Triplet}",
            $"{libvirt}/usr/bin/virsh", "-c", $"qemu+unix:///session?socket={socket}",
        ];
        try
        {
            await Patience.UntilAsync(() => ChannelClient.CanConnect(socket) || daemon.Ended.IsCompleted, () => $"libvirtd never listened\n{daemon.Errors}");
            string definition = folder.File("domain.xml");
            string line = folder.File("line.sock");
            await File.WriteAllTextAsync(definition, Define(qemu, image, line, channels, monitor));
            await VirshAsync(virsh, daemon, "define", definition);
            // It goes on when somebody listens: QEMU keeps nothing of what the line says before.
            await VirshAsync(virsh, daemon, "start", "--paused", Name);
            Socket connection = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await connection.ConnectAsync(new UnixDomainSocketEndPoint(line));
            Lines output = new("the guest's line");
            _ = output.FillAsync(new StreamReader(new NetworkStream(connection)));
            await VirshAsync(virsh, daemon, "resume", Name);
            LibvirtGuest guest = new(daemon, connection, output, virsh);
            await guest.WaitForFirstBootAsync();
            return guest;
        }
        catch
        {
            await daemon.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs virsh.</summary>
    public Task VirshAsync(params string[] words) => VirshAsync(_virsh, Monitor, words);

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        _line.Dispose();
    }

    private static async Task VirshAsync(string[] virsh, HostProcess daemon, params string[] words)
    {
        await using HostProcess command = HostProcess.Start([.. virsh, .. words]);
        int code = await command.Ended.WaitAsync(Patience.Short);
        Assert.True(code == 0, $"virsh {string.Join(' ', words)}: {command.Errors}\n{daemon.Errors}");
    }

    private static string Define(string qemu, GuestImage image, string line, string channels, string monitor)
        => $"""
            <domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
              <name>{Name}</name>
              <memory unit='MiB'>256</memory>
              <vcpu>1</vcpu>
              <os>
                <type arch='x86_64' machine='q35'>hvm</type>
                <kernel>{image.Kernel}</kernel>
                <initrd>{image.Archive}</initrd>
                <cmdline>console=ttyS0 quiet panic=-1 vmtest.line=ttyS1</cmdline>
              </os>
              <features><acpi/></features>
              <devices>
                <emulator>{qemu}/usr/bin/qemu-system-x86_64</emulator>
                <controller type='usb' model='none'/>
                <serial type='null'><target port='0'/></serial>
                <serial type='unix'><source mode='bind' path='{line}'/><target port='1'/></serial>
                {channels}
                <memballoon model='none'/>
              </devices>
              <qemu:commandline>
                <qemu:arg value='-qmp'/>
                <qemu:arg value='unix:{monitor},server=on,wait=off'/>
              </qemu:commandline>
            </domain>
            """;
}
