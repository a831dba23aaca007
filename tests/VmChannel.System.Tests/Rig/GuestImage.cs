using VmChannel.Cli.Fetch;
using VmChannel.Cli.Run;

namespace VmChannel.SystemTests.Rig;

/// <summary>A guest's kernel and what it starts from: an archive with a shell, a few tools and the program under test.</summary>
internal sealed class GuestImage
{
    private const string Libraries = "/lib/x86_64-linux-gnu/";

    private static readonly string[] Tools =
    [
        "base64", "cat", "chroot", "grep", "cksum", "cmp", "cp", "dd", "flock", "head", "ls", "mkdir", "mount", "mv", "readlink", "rm", "sleep", "stty", "sync",
        "timeout", "tr", "wc", "ln", "bash",
    ];

    private static readonly Lazy<Task<GuestImage>> Uml = new(MakeUmlAsync);
    private static readonly Lazy<Task<GuestImage>> Stock = new(MakeStockAsync);
    private static readonly Lazy<Task<GuestImage>> Usb = new(MakeUsbAsync);

    private readonly HashSet<string> _added = [];

    private GuestImage(string kernel, string archive)
    {
        Kernel = kernel;
        Archive = archive;
    }

    public string Kernel { get; }

    /// <summary>The initramfs: same content for all tests of a run.</summary>
    public string Archive { get; }

    public static Task<GuestImage> ForUmlAsync() => Uml.Value;

    /// <summary>Debian's stock kernel, for QEMU.</summary>
    public static Task<GuestImage> ForQemuAsync() => Stock.Value;

    /// <summary>Debian's stock kernel with all its drivers, those of USB host controllers, USB/IP and serial adapters loaded.</summary>
    public static Task<GuestImage> ForUsbAsync() => Usb.Value;

    public static async Task<string> RootOfAsync(PackageSet set) =>
        Path.Combine(await new PackageStore(CacheFolder.Default, new ProgressLine()).GetAsync(set, CancellationToken.None), "root");

    private static async Task<GuestImage> MakeUmlAsync()
    {
        string kernel = Path.Combine(await RootOfAsync(PackageSets.Uml), "usr/bin/linux.uml");
        string busybox = Path.Combine(await RootOfAsync(PackageSets.Debian), "bin/busybox");
        return await MakeAsync(kernel, UmlCommand.Modules, usbIp: null, busybox);
    }

    private static async Task<GuestImage> MakeStockAsync()
    {
        string root = await RootOfAsync(PackageSets.KernelCloud);
        return await MakeAsync(Directory.GetFiles(Path.Combine(root, "boot"), "vmlinuz-*").Single(), ["virtio_pci", "virtio_console"]);
    }

    private static async Task<GuestImage> MakeUsbAsync()
    {
        string root = await RootOfAsync(PackageSets.Kernel);
        return await MakeAsync(
            Directory.GetFiles(Path.Combine(root, "boot"), "vmlinuz-*").Single(),
            ["virtio_pci", "virtio_console", "9p", "9pnet_virtio", "xhci_pci", "ehci_pci", "ftdi_sio", "cdc_acm", "e1000", "vhci_hcd"],
            await RootOfAsync(PackageSets.UsbIp),
            Executables.GuestAgent);
    }

    private static async Task<GuestImage> MakeAsync(string kernel, IReadOnlyList<string> modules, string? usbIp = null, params string[] programs)
    {
        string packages = await RootOfAsync(PackageSets.KernelCloud);
        string archive = Path.Combine(Directory.CreateTempSubdirectory("vmt").FullName, "initramfs");
        string folder = Path.GetDirectoryName(archive)!;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        GuestImage image = new(kernel, archive);
        using FileStream file = File.Create(archive);
        using BufferedStream buffered = new(file, 1 << 20);
        using CpioWriter cpio = new(buffered);
        image.Write(cpio, packages, new KernelModules(GuestKernel.ModulesBeside(kernel)!).LoadOrder(modules), programs);
        if (usbIp is not null)
        {
            image.AddProgram(cpio, Path.Combine(usbIp, "usr/sbin/usbip"), "/bin/usbip", usbIp);
            image.AddProgram(cpio, Path.Combine(usbIp, "bin/ip"), "/bin/ip", usbIp);
            image.AddProgram(cpio, Path.Combine(usbIp, "usr/bin/usbreset"), "/bin/usbreset", usbIp);
        }

        return image;
    }

    private void Write(CpioWriter cpio, string packages, IReadOnlyList<string> modules, IReadOnlyList<string> programs)
    {
        foreach (string folder in (ReadOnlySpan<string>)["/dev", "/proc", "/sys", "/run", "/tmp"])
        {
            cpio.AddFolder(folder);
        }

        cpio.AddDevice("/dev/console", major: 5, minor: 1);
        using (Stream script = typeof(GuestImage).Assembly.GetManifestResourceStream("guest-init.sh")!)
        using (MemoryStream bytes = new())
        {
            script.CopyTo(bytes);
            cpio.AddFile("/init", bytes.ToArray());
        }

        foreach (string tool in Tools)
        {
            AddProgram(cpio, Find(tool), $"/bin/{tool}", packages);
        }

        AddProgram(cpio, Path.Combine(packages, "bin/kmod"), "/bin/insmod", packages);
        AddProgram(cpio, Path.Combine(packages, "bin/kmod"), "/bin/rmmod", packages);
        AddProgram(cpio, Executables.VmChannelGuest, "/usr/bin/vmchannel-guest", packages);
        AddProgram(cpio, Executables.VmChannelGuest, "/bin/vmchannel-guest", packages);
        foreach (string program in programs)
        {
            AddProgram(cpio, program, $"/bin/{Path.GetFileName(program)}", packages);
        }

        AddProgram(cpio, Path.Combine(packages, "bin/udevadm"), "/bin/udevadm", packages);
        AddProgram(cpio, Path.Combine(packages, "bin/udevadm"), "/lib/systemd/systemd-udevd", packages);
        cpio.AddFile("/lib/udev/rules.d/50-udev-default.rules", File.ReadAllBytes(Path.Combine(packages, "lib/udev/rules.d/50-udev-default.rules")));
        cpio.AddFile(
            "/lib/udev/rules.d/60-vmchannel.rules", File.ReadAllBytes(Path.Combine(Executables.Repository, "packaging/udev/60-vmchannel.rules")));
        cpio.AddFile("/pattern", Pattern.Block.Span);
        for (int index = 0; index < modules.Count; index++)
        {
            cpio.AddFile($"/modules/{index:D2}-{Path.GetFileName(modules[index])}", File.ReadAllBytes(modules[index]));
        }
    }

    private void AddProgram(CpioWriter cpio, string program, string path, string packages)
    {
        cpio.AddFile(path, File.ReadAllBytes(program));
        Queue<string> programs = new([program]);
        while (programs.TryDequeue(out string? next))
        {
            ElfFile elf = ElfFile.Read(next);
            if (elf.Interpreter() is string interpreter && _added.Add(Path.GetFileName(interpreter)))
            {
                cpio.AddFile(interpreter, File.ReadAllBytes(interpreter));
            }

            foreach (string name in elf.Needed().Where(_added.Add))
            {
                string library = FindLibrary(name, packages);
                cpio.AddFile(Libraries + name, File.ReadAllBytes(library));
                programs.Enqueue(library);
            }
        }
    }

    /// <summary>This machine's own first: its loader is at least as new as the packages'.</summary>
    private static string FindLibrary(string name, string packages) =>
        new[] { "", packages }
            .SelectMany(root => new[] { Libraries, "/usr" + Libraries, "/lib64/", "/usr/lib64/" }.Select(folder => root + folder + name))
            .FirstOrDefault(File.Exists) ?? throw new FileNotFoundException($"library {name} is neither on this machine nor in {packages}");

    private static string Find(string tool) =>
        Environment.GetEnvironmentVariable("PATH")!.Split(':').Select(folder => Path.Combine(folder, tool)).FirstOrDefault(File.Exists)
            ?? throw new FileNotFoundException($"{tool} is not on this machine");
}
