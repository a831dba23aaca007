using System.IO.Compression;
using VmChannel.Cli.Fetch;
using VmChannel.Cli.Run;
using VmChannel.SystemTests.Packages;

namespace VmChannel.SystemTests.Rig;

/// <summary>An archive with an installed Debian: real packages, their database, systemd as the first process, and ours in /root, not installed.</summary>
/// <remarks>Everything is root's, whoever runs the test. What maintainer scripts would have done is done here, as far as a test needs it.</remarks>
internal static class DebianImage
{
    private const string Service = """
        [Unit]
        Description=The test's shell
        DefaultDependencies=no
        After=systemd-udevd.service

        [Service]
        ExecStart=/guest-init
        StandardOutput=null
        """;

    /// <summary>Files that nobody in a test reads; their folders stay, so that the database is right.</summary>
    private static readonly string[] Unread =
    [
        "usr/share/doc/", "usr/share/man/", "usr/share/locale/", "usr/share/perl/", "usr/lib/udev/hwdb.d/", "usr/lib/locale/",
        "usr/lib/x86_64-linux-gnu/gconv/", "usr/lib/x86_64-linux-gnu/perl/",
    ];

    private static readonly Lazy<Task<string>> Archive = new(MakeAsync);

    public static Task<string> ArchiveAsync() => Archive.Value;

    public static async Task<string> KernelAsync() => Path.Combine(await GuestImage.RootOfAsync(PackageSets.Uml), "usr/bin/linux.uml");

    private static async Task<string> MakeAsync()
    {
        string root = await GuestImage.RootOfAsync(PackageSets.Debian);
        string uml = await GuestImage.RootOfAsync(PackageSets.Uml);
        string folder = Directory.CreateTempSubdirectory("vmt").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        string archive = Path.Combine(folder, "debian");
        using FileStream file = File.Create(archive);
        using BufferedStream buffered = new(file, 1 << 20);
        using CpioWriter cpio = new(buffered);
        AddMerged(cpio);
        AddTree(cpio, root, "");
        new DebianDatabase(root, Path.Combine(root, "../control")).Write(cpio);
        Configure(cpio, root);
        AddKernel(cpio, uml);
        foreach (string package in new[] { PackedFiles.Host, PackedFiles.Guest })
        {
            cpio.AddFile($"/root/{Path.GetFileName(package)}", await File.ReadAllBytesAsync(package));
        }

        return archive;
    }

    private static void AddMerged(CpioWriter cpio)
    {
        foreach (string name in (ReadOnlySpan<string>)["bin", "sbin", "lib", "lib64"])
        {
            cpio.AddFolder($"/usr/{name}");
            cpio.AddLink($"/{name}", $"usr/{name}");
        }
    }

    private static void AddTree(CpioWriter cpio, string folder, string path)
    {
        foreach (FileSystemInfo entry in new DirectoryInfo(folder).EnumerateFileSystemInfos().OrderBy(entry => entry.Name, StringComparer.Ordinal))
        {
            string place = path.Length == 0 && entry.Name is "bin" or "sbin" or "lib" or "lib64" ? $"usr/{entry.Name}" : Path.Join(path, entry.Name);
            if (entry.LinkTarget is string target)
            {
                cpio.AddLink($"/{place}", target);
            }
            else if (entry is DirectoryInfo)
            {
                cpio.AddFolder($"/{place}");
                AddTree(cpio, entry.FullName, place);
            }
            else if (!Unread.Any(unread => place.StartsWith(unread, StringComparison.Ordinal)))
            {
                cpio.AddFile($"/{place}", File.ReadAllBytes(entry.FullName), File.GetUnixFileMode(entry.FullName));
            }
        }
    }

    private static void Configure(CpioWriter cpio, string root)
    {
        const UnixFileMode Plain = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
        void Add(string path, string text) => cpio.AddFile(path, System.Text.Encoding.UTF8.GetBytes(text), Plain);

        Add("/etc/passwd", File.ReadAllText(Path.Combine(root, "usr/share/base-passwd/passwd.master")));
        Add("/etc/group", File.ReadAllText(Path.Combine(root, "usr/share/base-passwd/group.master")));
        Add("/etc/gshadow", "");
        Add("/etc/fstab", "");
        Add("/etc/hostname", "guest\n");
        Add("/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
        cpio.AddLink("/usr/bin/awk", "mawk");
        cpio.AddLink("/usr/bin/sh", "dash");

        using Stream script = typeof(DebianImage).Assembly.GetManifestResourceStream("guest-init.sh")!;
        using StreamReader reader = new(script);
        cpio.AddFile("/guest-init", System.Text.Encoding.UTF8.GetBytes(reader.ReadToEnd()));
        Add("/etc/systemd/system/vmtest.service", Service);
        cpio.AddLink("/etc/systemd/system/default.target", "/lib/systemd/system/multi-user.target");
        cpio.AddLink("/etc/systemd/system/multi-user.target.wants/vmtest.service", "../vmtest.service");
        cpio.AddLink("/etc/systemd/system/getty.target", "/dev/null");
    }

    /// <summary>The driver, what modprobe knows of it, and what the kernel was built with, which mkinitramfs asks.</summary>
    private static void AddKernel(CpioWriter cpio, string uml)
    {
        string modules = GuestKernel.ModulesBeside(Path.Combine(uml, "usr/bin/linux.uml"))!;
        string version = Path.GetFileName(modules);
        IEnumerable<string> tables = Directory.EnumerateFiles(modules, "modules.*");
        foreach (string file in tables.Concat(new KernelModules(modules).LoadOrder(UmlCommand.Modules)))
        {
            cpio.AddFile($"/usr/lib/modules/{version}/{Path.GetRelativePath(modules, file)}", File.ReadAllBytes(file));
        }

        using FileStream packed = File.OpenRead(Path.Combine(uml, "usr/share/doc/user-mode-linux/config.gz"));
        using GZipStream unpacked = new(packed, CompressionMode.Decompress);
        using MemoryStream config = new();
        unpacked.CopyTo(config);
        cpio.AddFile($"/boot/config-{version}", config.ToArray());
    }
}
