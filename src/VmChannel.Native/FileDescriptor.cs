using System.Runtime.InteropServices;

namespace VmChannel.Native;

/// <summary>How <see cref="FileDescriptor.Open"/> opens a path.</summary>
/// <remarks>Values of <c>fcntl.h</c> on Linux, the same on x86-64 and arm64. O_CLOEXEC is always added.</remarks>
[Flags]
public enum OpenFlags
{
    ReadOnly = 0,
    WriteOnly = 1,
    ReadWrite = 2,
    Create = 0x40,
    Exclusive = 0x80,
    NoControllingTerminal = 0x100,
    Truncate = 0x200,
    Append = 0x400,
    NonBlocking = 0x800,

    /// <summary>Only names the file (O_PATH): for <see cref="FileDescriptor.Kind"/> and <see cref="FileDescriptor.Identity"/>.</summary>
    PathOnly = 0x200000,
}

/// <summary>Which file it is, whatever its name: two descriptors of one file have one identity.</summary>
public readonly record struct FileIdentity(ulong Device, ulong Inode);

/// <summary>What kind of file a descriptor is (<c>S_IFMT</c>).</summary>
public enum FileKind
{
    Unknown = 0,
    Fifo = 0x1000,
    CharacterDevice = 0x2000,
    Directory = 0x4000,
    BlockDevice = 0x6000,
    Regular = 0x8000,
    Socket = 0xC000,
}

/// <summary>An owned file descriptor. Reads and writes retry when a signal interrupts them; nothing else is hidden.</summary>
public sealed unsafe class FileDescriptor : SafeHandle
{
    private const int CloseOnExec = 0x80000;
    private const int SetDescriptorFlags = 2;
    private const int DescriptorCloseOnExec = 1;
    private const int GetFlags = 3;
    private const int SetFlags = 4;
    private const int DuplicateCloseOnExec = 1030;

    public FileDescriptor(int fd)
        : base(-1, ownsHandle: true)
        => SetHandle(fd);

    private FileDescriptor(int fd, bool owns)
        : base(-1, owns)
        => SetHandle(fd);

    public override bool IsInvalid => handle < 0;

    /// <summary>The number, for messages and for handing to a child; it stays owned here.</summary>
    public int Number => (int)handle;

    /// <summary>A descriptor somebody else owns and closes, such as 0, 1 and 2.</summary>
    public static FileDescriptor Borrow(int fd) => new(fd, owns: false);

    /// <summary>Opens a path. The result is close-on-exec.</summary>
    public static PosixResult Open(string path, OpenFlags flags, uint mode, out FileDescriptor? opened)
    {
        PosixResult result;
        do
        {
            result = PosixResult.From(Libc.Open(path, (int)flags | CloseOnExec, mode));
        }
        while (result.Error == Errno.Interrupted);
        opened = result.IsSuccess ? new FileDescriptor((int)result.Value) : null;
        return result;
    }

    /// <summary>Gives a file another name, in the place of whatever file has that now (rename(2)).</summary>
    public static PosixResult Rename(string path, string newPath) => PosixResult.From(Libc.Rename(path, newPath));

    /// <summary>Removes a file's name (unlink(2)).</summary>
    public static PosixResult Unlink(string path) => PosixResult.From(Libc.Unlink(path));

    /// <summary>A duplicate of a number this process inherited or a framework type owns; close-on-exec.</summary>
    public static PosixResult Duplicate(int fd, out FileDescriptor? duplicate)
    {
        PosixResult result = PosixResult.From(Libc.FcntlRaw(fd, DuplicateCloseOnExec, 3));
        duplicate = result.IsSuccess ? new FileDescriptor((int)result.Value) : null;
        return result;
    }

    public FileDescriptor Duplicate()
    {
        Duplicate((int)handle, out FileDescriptor? duplicate).OrThrow("duplicate a descriptor");
        return duplicate!;
    }

    public PosixResult SetNonBlocking(bool nonBlocking)
    {
        PosixResult flags = PosixResult.From(Libc.Fcntl(this, GetFlags, 0));
        if (!flags.IsSuccess)
        {
            return flags;
        }

        nint wanted = nonBlocking ? flags.Value | (int)OpenFlags.NonBlocking : flags.Value & ~(int)OpenFlags.NonBlocking;
        return wanted == flags.Value ? flags : PosixResult.From(Libc.Fcntl(this, SetFlags, wanted));
    }

    /// <summary>Whether programs this process starts get it.</summary>
    public PosixResult SetCloseOnExec(bool closes) => PosixResult.From(Libc.Fcntl(this, SetDescriptorFlags, closes ? DescriptorCloseOnExec : 0));

    public PosixResult Read(Span<byte> destination)
    {
        fixed (byte* buffer = destination)
        {
            PosixResult result;
            do
            {
                result = PosixResult.From(Libc.Read(this, buffer, (nuint)destination.Length));
            }
            while (result.Error == Errno.Interrupted);
            return result;
        }
    }

    public PosixResult Write(ReadOnlySpan<byte> source)
    {
        fixed (byte* buffer = source)
        {
            PosixResult result;
            do
            {
                result = PosixResult.From(Libc.Write(this, buffer, (nuint)source.Length));
            }
            while (result.Error == Errno.Interrupted);
            return result;
        }
    }

    /// <summary>Writes all, also where somebody who shares the stream has made it non-blocking.</summary>
    /// <param name="source">The bytes.</param>
    /// <param name="patience">How long room is waited for each time; infinite is for ever.</param>
    /// <returns>Success, or why some were not written: <see cref="Errno.Again"/> when there was no room in that time.</returns>
    public PosixResult WriteAll(ReadOnlySpan<byte> source, TimeSpan patience)
    {
        while (source.Length > 0)
        {
            PosixResult result = Write(source);
            if (result.IsSuccess)
            {
                source = source[(int)result.Value..];
            }
            else if (!result.IsAgain || (Poll.Wait([new PollEntry(Number, PollEvents.Out)], patience).Value == 0 && patience != Timeout.InfiniteTimeSpan))
            {
                return result;
            }
        }

        return default;
    }

    /// <summary>Fills the vectors in order (readv(2)). At most <see cref="IoVector.MaxCount"/> vectors are used.</summary>
    public PosixResult Read(ReadOnlySpan<IoVector> destination)
    {
        fixed (IoVector* vectors = destination)
        {
            PosixResult result;
            do
            {
                result = PosixResult.From(Libc.Readv(this, vectors, Math.Min(destination.Length, IoVector.MaxCount)));
            }
            while (result.Error == Errno.Interrupted);
            return result;
        }
    }

    /// <summary>Writes the vectors in order (writev(2)). At most <see cref="IoVector.MaxCount"/> vectors are used.</summary>
    public PosixResult Write(ReadOnlySpan<IoVector> source)
    {
        fixed (IoVector* vectors = source)
        {
            PosixResult result;
            do
            {
                result = PosixResult.From(Libc.Writev(this, vectors, Math.Min(source.Length, IoVector.MaxCount)));
            }
            while (result.Error == Errno.Interrupted);
            return result;
        }
    }

    /// <summary>Size of a file in bytes; an error for what cannot be sought.</summary>
    public PosixResult Length()
    {
        PosixResult here = PosixResult.From(Libc.Seek(this, 0, 1));
        if (!here.IsSuccess)
        {
            return here;
        }

        PosixResult end = PosixResult.From(Libc.Seek(this, 0, 2));
        _ = Libc.Seek(this, here.Value, 0);
        return end;
    }

    /// <summary>Cuts a file off, or fills it up with zeros (ftruncate(2)).</summary>
    public PosixResult SetLength(long bytes) => PosixResult.From(Libc.Truncate(this, (nint)bytes));

    public FileKind Kind()
    {
        // struct stat: st_mode is at byte 24 on x86-64 and 16 on arm64; 256 bytes hold either layout.
        // SAFETY: the kernel fills at most 144 of the 256 bytes, and the field read lies inside them.
        byte* status = stackalloc byte[256];
        int modeOffset = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 24 : 16;
        return Libc.FileStatus(this, status) == 0 ? (FileKind)(*(uint*)(status + modeOffset) & 0xF000) : FileKind.Unknown;
    }

    /// <summary>Device and inode. Null when the descriptor has none.</summary>
    public FileIdentity? Identity()
    {
        // struct stat begins with st_dev and st_ino, 64 bits each, on x86-64 and arm64.
        // SAFETY: the kernel fills at most 144 of the 256 bytes.
        ulong* status = stackalloc ulong[32];
        return Libc.FileStatus(this, status) == 0 ? new FileIdentity(status[0], status[1]) : null;
    }

    /// <summary>Which directions the descriptor was opened for: one of the first three <see cref="OpenFlags"/>.</summary>
    public PosixResult AccessMode()
    {
        PosixResult flags = PosixResult.From(Libc.Fcntl(this, GetFlags, 0));
        return flags.IsSuccess ? new(flags.Value & 3, Errno.None) : flags;
    }

    /// <summary>Bytes that can be read now (FIONREAD): of a socket, a pipe or a terminal.</summary>
    public PosixResult Available()
    {
        const nuint BytesToRead = 0x541B;
        int count = 0;
        PosixResult result = PosixResult.From(Libc.Ioctl(this, BytesToRead, &count));
        return result.IsSuccess ? new(count, Errno.None) : result;
    }

    /// <summary>What was written to a socket and has not been read, or acknowledged, by its other side (SIOCOUTQ): bytes and the kernel's own beside them.</summary>
    public PosixResult Unsent()
    {
        const nuint BytesInOutputQueue = 0x5411;
        int count = 0;
        PosixResult result = PosixResult.From(Libc.Ioctl(this, BytesInOutputQueue, &count));
        return result.IsSuccess ? new(count, Errno.None) : result;
    }

    protected override bool ReleaseHandle() => Libc.Close((int)handle) == 0;
}
