using System.Runtime.InteropServices;

namespace VmChannel.Native;

/// <summary>Whose files are whose.</summary>
public static unsafe partial class FileOwnership
{
    /// <summary>The user this process acts as (geteuid(2)).</summary>
    public static uint EffectiveUser => GetEffectiveUser();

    /// <summary>The user a file belongs to; null when it cannot be asked.</summary>
    /// <param name="path">The file; of a symbolic link, what it points to.</param>
    public static uint? OwnerOf(string path)
    {
        _ = FileDescriptor.Open(path, OpenFlags.PathOnly, 0, out FileDescriptor? file);
        using (file)
        {
            // struct stat: st_uid is at byte 28 on x86-64 and 24 on arm64; 256 bytes hold either layout.
            // SAFETY: the kernel fills at most 144 of the 256 bytes, and the field read lies inside them.
            byte* status = stackalloc byte[256];
            int offset = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 28 : 24;
            return file is not null && Libc.FileStatus(file, status) == 0 ? *(uint*)(status + offset) : null;
        }
    }

    /// <summary>Gives a file another name in the same file system (link(2)).</summary>
    public static PosixResult Link(string existing, string added) => PosixResult.From(MakeLink(existing, added));

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint GetEffectiveUser();

    [LibraryImport("libc", EntryPoint = "link", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MakeLink(string existing, string added);
}
