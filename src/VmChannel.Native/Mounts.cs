using System.Runtime.InteropServices;

namespace VmChannel.Native;

/// <summary>Flags of mount(2).</summary>
/// <remarks>Linux <c>uapi/linux/mount.h</c>, MS_*.</remarks>
[Flags]
public enum MountFlags : uint
{
    None = 0,
    ReadOnly = 1,
    NoSetUserId = 2,
    NoDevices = 4,
    NoExec = 8,
    Move = 0x2000,
}

/// <summary>File systems, and what else a system's first process does to the file tree.</summary>
public static partial class Mounts
{
    /// <summary>Mounts a file system (mount(2)).</summary>
    /// <param name="source">Device, tag or, by convention, the type's own name.</param>
    /// <param name="target">An existing folder.</param>
    /// <param name="type">File system type; null when moving a mount.</param>
    /// <param name="flags">MS_* flags.</param>
    /// <param name="options">The type's own options, comma-separated.</param>
    public static PosixResult Mount(string source, string target, string? type, MountFlags flags, string? options) =>
        PosixResult.From(MountFileSystem(source, target, type, (nuint)flags, options));

    /// <summary>Makes a folder the root of this process (chroot(2)) and goes there.</summary>
    public static PosixResult ChangeRoot(string path)
    {
        PosixResult changed = PosixResult.From(ChangeRootTo(path));
        return changed.IsSuccess ? PosixResult.From(ChangeFolder("/")) : changed;
    }

    /// <summary>Gives a file to a user and group (chown(2)).</summary>
    public static PosixResult ChangeOwner(string path, uint uid, uint gid) => PosixResult.From(ChangeOwnerOf(path, uid, gid));

    /// <summary>Gives an open file to a user and group (fchown(2)).</summary>
    public static PosixResult ChangeOwner(FileDescriptor fd, uint uid, uint gid) => PosixResult.From(ChangeOwnerOf(fd, uid, gid));

    /// <summary>Writes everything that waits to be written to disks (sync(2)).</summary>
    public static void Sync() => WriteAll();

    [LibraryImport("libc", EntryPoint = "sync")]
    private static partial void WriteAll();

    [LibraryImport("libc", EntryPoint = "mount", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MountFileSystem(string source, string target, string? type, nuint flags, string? options);

    [LibraryImport("libc", EntryPoint = "chroot", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int ChangeRootTo(string path);

    [LibraryImport("libc", EntryPoint = "chdir", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int ChangeFolder(string path);

    [LibraryImport("libc", EntryPoint = "chown", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int ChangeOwnerOf(string path, uint uid, uint gid);

    [LibraryImport("libc", EntryPoint = "fchown", SetLastError = true)]
    private static partial int ChangeOwnerOf(FileDescriptor fd, uint uid, uint gid);
}
