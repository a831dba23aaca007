using System.Runtime.InteropServices;

namespace VmChannel.Native;

/// <summary>Whose files are whose.</summary>
public static unsafe partial class FileOwnership
{
    /// <summary>The user this process acts as (geteuid(2)).</summary>
    public static uint EffectiveUser => GetEffectiveUser();

    /// <summary>The user a file belongs to; null when it cannot be asked.</summary>
    /// <param name="path">The file; of a symbolic link, what it points to.</param>
    // struct stat: st_uid is at byte 28 on x86-64 and 24 on arm64, and st_gid follows it.
    public static uint? OwnerOf(string path) => NumberIn(path, RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 28 : 24);

    /// <summary>The group a file belongs to; null when it cannot be asked.</summary>
    /// <inheritdoc cref="OwnerOf" path="/param"/>
    public static uint? GroupOf(string path) => NumberIn(path, RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 32 : 28);

    /// <summary>Whether a folder is this user's own, and nobody else's to enter. A symbolic link is not followed: it is no folder.</summary>
    /// <param name="folder">Its path.</param>
    /// <returns>Null when it is; otherwise the rest of a sentence that begins with the path.</returns>
    public static string? WhyNotPrivate(string folder)
    {
        const int LinkStatus = 0xA000;

        // O_NOFOLLOW has another value on arm64. With O_PATH a link is opened itself, so the descriptor tells what is at the path.
        int noFollow = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 0x20000 : 0x8000;
        PosixResult result = FileDescriptor.Open(folder, OpenFlags.PathOnly | (OpenFlags)noFollow, 0, out FileDescriptor? file);
        using (file)
        {
            // struct stat: st_mode is at byte 24 and st_uid at 28 on x86-64, at 16 and 24 on arm64.
            // SAFETY: the kernel fills at most 144 of the 256 bytes, and the fields read lie inside them.
            byte* status = stackalloc byte[256];
            if (file is null || Libc.FileStatus(file, status) != 0)
            {
                return $"cannot be looked at: {result.Message}";
            }

            bool isX64 = RuntimeInformation.ProcessArchitecture == Architecture.X64;
            uint mode = *(uint*)(status + (isX64 ? 24 : 16));
            uint owner = *(uint*)(status + (isX64 ? 28 : 24));
            return (mode & 0xF000) == LinkStatus ? "is a symbolic link: remove it"
                : (FileKind)(mode & 0xF000) != FileKind.Directory ? "is no folder: remove it"
                : owner != EffectiveUser ? $"belongs to another user (uid {owner}): have it removed"
                : (mode & 0x3F) != 0 ? "is open to other users: remove it, or make it private with chmod 700"
                : null;
        }
    }

    /// <summary>Whether this process may open a file for reading and writing (faccessat(2) with AT_EACCESS), without opening it.</summary>
    public static PosixResult CheckReadAndWrite(string path)
    {
        const int CurrentFolder = -100;
        const int ReadAndWrite = 4 | 2;
        const int Effective = 0x200;
        return PosixResult.From(CheckAccess(CurrentFolder, path, ReadAndWrite, Effective));
    }

    /// <summary>Gives a file another name in the same file system (link(2)).</summary>
    public static PosixResult Link(string existing, string added) => PosixResult.From(MakeLink(existing, added));

    private static uint? NumberIn(string path, int offset)
    {
        _ = FileDescriptor.Open(path, OpenFlags.PathOnly, 0, out FileDescriptor? file);
        using (file)
        {
            // SAFETY: the kernel fills at most 144 of the 256 bytes, and the field read lies inside them.
            byte* status = stackalloc byte[256];
            return file is not null && Libc.FileStatus(file, status) == 0 ? *(uint*)(status + offset) : null;
        }
    }

    [LibraryImport("libc", EntryPoint = "faccessat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int CheckAccess(int folder, string path, int mode, int flags);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint GetEffectiveUser();

    [LibraryImport("libc", EntryPoint = "link", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MakeLink(string existing, string added);
}
