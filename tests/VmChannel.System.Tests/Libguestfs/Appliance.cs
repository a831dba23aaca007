using VmChannel.Cli.Fetch;
using VmChannel.Cli.Run;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Libguestfs;

/// <summary>
/// libguestfs' appliance in its fixed form (libguestfs-make-fixed-appliance(1)): a kernel, an initramfs and a root disk, made of Debian's packages. Its daemon,
/// its /init and its udev rules are libguestfs' own; there are no more programs in it than the tests need.
/// </summary>
internal static class Appliance
{
    private const string Libraries = "/lib/x86_64-linux-gnu/";
    private const string RootSize = "192M";

    private static readonly string[] Tools =
    [
        "bash", "mkdir", "mount", "umount", "ln", "dd", "od", "cat", "rm", "ls", "grep", "udevadm", "kmod", "mke2fs", "e2fsck", "tune2fs", "blkid", "blockdev", "sync",
        "sleep", "chmod", "touch", "cp", "mv", "file", "wipefs", "parted",
    ];

    private static readonly string[] Parts = ["daemon", "init"];
    private static readonly string[] ProgramFolders = ["/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/"];
    private static readonly string[] Types = ["ext2", "ext3", "ext4"];
    private static readonly string[] Starters = ["bash", "mount", "kmod", "switch_root", "sleep"];
    private static readonly string[] Modules = ["virtio_pci", "virtio_scsi", "sd_mod", "virtio_console", "virtio_rng"];
    private static readonly string[] Rules = ["50-udev-default.rules", "60-persistent-storage.rules", "60-block.rules", "80-drivers.rules"];
    private static readonly string[] Folders = ["bin", "sbin", "dev", "proc", "sys", "tmp", "run", "sysroot", "etc", "var/tmp", "root", "lib/systemd", "lib/udev/rules.d", "lib64"];

    /// <summary>Disks get their names in any order; the root disk is the one whose UUID libguestfs gives the kernel.</summary>
    private const string Init = """
        #!/bin/bash
        mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
        for module in /modules/*; do insmod $module; done
        for word in $(</proc/cmdline); do case $word in root=*) root=${word#root=} ;; esac; done
        for ((n = 0; n < 200; n++)); do ! mount "$root" /root 2>/dev/null || break; sleep 0.05; done
        for folder in dev proc sys; do mount --move /$folder /root/$folder; done
        cd /root; exec switch_root /root /init

        """;

    /// <summary>Makes it in a folder, for LIBGUESTFS_PATH.</summary>
    public static async Task MakeAsync(string folder)
    {
        string packages = await GuestImage.RootOfAsync(PackageSets.Libguestfs);
        string[] places = [packages, await GuestImage.RootOfAsync(PackageSets.Debian)];
        string kernels = await GuestImage.RootOfAsync(PackageSets.KernelCloud);
        string kernel = Directory.GetFiles(Path.Combine(kernels, "boot"), "vmlinuz-*").Single();
        string root = Path.Combine(folder, "tree");
        await MakeRootAsync(root, packages, places);
        string disk = Path.Combine(folder, "root");
        await using (HostProcess format = await HostProcess.RunAsync("/sbin/mke2fs", "-q", "-t", "ext2", "-d", root, disk, RootSize))
        {
            Assert.True(await format.Ended == 0, format.Errors.ToString());
        }

        Directory.Delete(root, recursive: true);
        string starter = Path.Combine(folder, "starter");
        AddAll(starter, places, Starters);
        WriteArchive(Path.Combine(folder, "initrd"), starter, new KernelModules(GuestKernel.ModulesBeside(kernel)!).LoadOrder(Modules));
        Directory.Delete(starter, recursive: true);
        File.Copy(kernel, Path.Combine(folder, "kernel"));
        await File.WriteAllTextAsync(Path.Combine(folder, "README.fixed"), "made by vmchannel's tests\n");
    }

    private static async Task MakeRootAsync(string root, string packages, string[] places)
    {
        foreach (string name in Folders)
        {
            Directory.CreateDirectory(Path.Combine(root, name));
        }

        // The appliance's own files, as supermin would unpack them.
        foreach (string part in Parts)
        {
            await using HostProcess unpack = await HostProcess.RunAsync("tar", "xzf", $"{packages}/usr/lib/x86_64-linux-gnu/guestfs/supermin.d/{part}.tar.gz", "-C", root);
            Assert.True(await unpack.Ended == 0, unpack.Errors.ToString());
        }

        AddAll(root, places, Tools);
        AddLibraries(root, places, Path.Combine(root, "usr/sbin/guestfsd"));
        foreach (string type in Types)
        {
            File.CreateSymbolicLink(Path.Combine(root, $"bin/mkfs.{type}"), "mke2fs");
        }

        File.CreateSymbolicLink(Path.Combine(root, "lib/systemd/systemd-udevd"), "/bin/udevadm");
        File.CreateSymbolicLink(Path.Combine(root, "bin/modprobe"), "kmod");
        foreach (string rules in Rules)
        {
            File.Copy(Path.Combine(packages, "lib/udev/rules.d", rules), Path.Combine(root, "lib/udev/rules.d", rules));
        }

        File.Copy(Path.Combine(packages, "etc/mke2fs.conf"), Path.Combine(root, "etc/mke2fs.conf"));
        await File.WriteAllTextAsync(Path.Combine(root, "etc/passwd"), "root:x:0:0:root:/root:/bin/bash\n");
        await File.WriteAllTextAsync(Path.Combine(root, "etc/group"), "root:x:0:\ntty:x:5:\ndisk:x:6:\n");
    }

    private static void WriteArchive(string path, string starter, IReadOnlyList<string> modules)
    {
        using FileStream file = File.Create(path);
        using BufferedStream buffered = new(file, 1 << 20);
        using CpioWriter cpio = new(buffered);
        foreach (string folder in (ReadOnlySpan<string>)["/dev", "/proc", "/sys", "/root"])
        {
            cpio.AddFolder(folder);
        }

        cpio.AddDevice("/dev/console", major: 5, minor: 1);
        cpio.AddFile("/init", System.Text.Encoding.UTF8.GetBytes(Init));
        cpio.AddLink("/bin/insmod", "kmod");
        foreach (string program in Directory.EnumerateFiles(starter, "*", SearchOption.AllDirectories))
        {
            cpio.AddFile($"/{Path.GetRelativePath(starter, program)}", File.ReadAllBytes(program));
        }

        for (int index = 0; index < modules.Count; index++)
        {
            cpio.AddFile($"/modules/{index:D2}-{Path.GetFileName(modules[index])}", File.ReadAllBytes(modules[index]));
        }
    }

    private static void AddAll(string root, string[] places, IReadOnlyList<string> tools)
    {
        foreach (string tool in tools)
        {
            string program = places
                .SelectMany(place => ProgramFolders.Select(folder => $"{place}{folder}{tool}"))
                .FirstOrDefault(File.Exists) ?? throw new FileNotFoundException($"{tool} is not in {string.Join(' ', places)}");
            _ = Copy(program, Path.Combine(root, "bin", tool));
            AddLibraries(root, places, program);
        }
    }

    private static void AddLibraries(string root, string[] places, string program)
    {
        Queue<string> programs = new([program]);
        while (programs.TryDequeue(out string? next))
        {
            ElfFile elf = ElfFile.Read(next);
            if (elf.Interpreter() is string interpreter)
            {
                _ = Copy(places[0] + Libraries + Path.GetFileName(interpreter), root + interpreter);
            }

            foreach (string name in elf.Needed())
            {
                string library = places.SelectMany(place => new[] { place + Libraries + name, $"{place}/usr{Libraries}{name}" }).FirstOrDefault(File.Exists)
                    ?? throw new FileNotFoundException($"library {name} is not in {string.Join(' ', places)}");
                if (Copy(library, root + Libraries + name))
                {
                    programs.Enqueue(library);
                }
            }
        }
    }

    private static bool Copy(string source, string target)
    {
        if (File.Exists(target))
        {
            return false;
        }

        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        File.Copy(source, target);
        return true;
    }
}
