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
