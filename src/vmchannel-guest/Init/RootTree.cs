using VmChannel.Native;

namespace VmChannel.GuestTool.Init;

/// <summary>The guest's file tree: the host's files, read-only, with the kernel's own and temporary ones over them.</summary>
internal static class RootTree
{
    private const string NewRoot = "/newroot";
    private const MountFlags Data = MountFlags.NoSetUserId | MountFlags.NoDevices;
    private const MountFlags Kernel = Data | MountFlags.NoExec;

    private static readonly string[] KernelFolders = ["/dev", "/proc", "/sys"];

    /// <summary>Mounts what the kernel itself shows, in the initramfs: devices, processes, sysfs.</summary>
    public static void MountKernel()
    {
        Mount("devtmpfs", "/dev", "devtmpfs", MountFlags.NoSetUserId, "mode=0755");
        Mount("proc", "/proc", "proc", Kernel, null);
        Mount("sysfs", "/sys", "sysfs", Kernel, null);

        // Without a console in the initramfs 0, 1 and 2 are free, and whatever was opened next would be taken for them.
        while (FileDescriptor.Open("/dev/null", OpenFlags.ReadWrite, 0, out FileDescriptor? opened).Value is >= 0 and <= 2)
        {
            opened!.SetHandleAsInvalid();
        }
    }

    /// <summary>Loads every module of a folder in the order of the names.</summary>
    public static void LoadModules(string folder)
    {
        string[] paths = Directory.Exists(folder) ? Directory.GetFiles(folder) : [];
        foreach (string path in paths.Order(StringComparer.Ordinal))
        {
            FileDescriptor.Open(path, OpenFlags.ReadOnly, 0, out FileDescriptor? file).OrFail($"open {path}");
            using (file)
            {
                PosixResult loaded = KernelModule.Load(file!, compressed: !path.EndsWith(".ko", StringComparison.Ordinal));
                if (loaded.Error != Errno.Exists)
                {
                    loaded.OrFail($"load the kernel module {path}");
                }
            }
        }
    }

    /// <summary>Goes over to the host's tree, if there is one, and completes it.</summary>
    public static void Enter(KernelParameters parameters)
    {
        if (parameters.Root is not null)
        {
            Mount(parameters.Root, NewRoot, MountFlags.ReadOnly | Data);
            foreach (string folder in KernelFolders)
            {
                Mounts.Mount(folder, NewRoot + folder, null, MountFlags.Move, null).OrFail($"move {folder} to {NewRoot}{folder}");
            }

            Directory.SetCurrentDirectory(NewRoot);
            Mounts.Mount(".", "/", null, MountFlags.Move, null).OrFail($"move {NewRoot} to /");
            Mounts.ChangeRoot(".").OrFail($"change the root to {NewRoot}");
        }

        Mount("devpts", "/dev/pts", "devpts", MountFlags.NoSetUserId | MountFlags.NoExec, "newinstance,ptmxmode=0666,mode=620,gid=5");
        Mount("tmpfs", "/dev/shm", "tmpfs", Data, "mode=1777");
        Mount("tmpfs", "/run", "tmpfs", Data, "mode=0755");
        Mount("tmpfs", "/tmp", "tmpfs", Data, "mode=1777");
        if (Directory.Exists("/var/tmp"))
        {
            Mount("tmpfs", "/var/tmp", "tmpfs", Data, "mode=1777");
        }

        AddTool();
        AddDeviceLinks();
        foreach (SharedTree share in parameters.Shares)
        {
            Mount(share.Tree, share.Path, Data);
        }
    }

    // The host may keep this program anywhere, or not at all: commands of the guest find it in their PATH.
    private static void AddTool()
    {
        const string Folder = "/run/vmchannel/bin";
        const string Tool = $"{Folder}/vmchannel-guest";
        _ = Directory.CreateDirectory(Folder);
        File.Copy("/proc/self/exe", Tool);
        File.SetUnixFileMode(Tool, UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute
            | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
    }

    // devtmpfs has the kernel's devices only; these four names are user space's, by convention of every Linux system.
    private static void AddDeviceLinks()
    {
        (string Link, string Target)[] links =
        [
            ("/dev/fd", "/proc/self/fd"), ("/dev/stdin", "/proc/self/fd/0"), ("/dev/stdout", "/proc/self/fd/1"), ("/dev/stderr", "/proc/self/fd/2"),
        ];
        foreach ((string link, string target) in links.Where(pair => !Path.Exists(pair.Link)))
        {
            File.CreateSymbolicLink(link, target);
        }
    }

    private static void Mount(HostTree tree, string path, MountFlags flags)
    {
        bool readOnly = (flags & MountFlags.ReadOnly) != 0;

        // A root nobody writes here may be cached without asking; in a shared tree mmap alone needs a cache.
        string options = tree.Type == "hostfs" ? tree.Source
            : $"trans=virtio,version=9p2000.L,msize=262144,cache={(readOnly ? "loose" : "mmap")}";
        Mount(tree.Source, path, tree.Type, flags, options);
    }

    private static void Mount(string source, string path, string type, MountFlags flags, string? options)
    {
        try
        {
            Directory.CreateDirectory(path);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new InitException($"cannot mount {source} ({type}) at {path}: no such folder, and none can be made: {fault.Message}");
        }

        Mounts.Mount(source, path, type, flags, options).OrFail($"mount {source} ({type}) at {path}");
    }
}
