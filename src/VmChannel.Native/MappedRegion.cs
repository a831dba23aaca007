using System.Runtime.InteropServices;

namespace VmChannel.Native;

/// <summary>A shared mapping of a file. Unmapped when disposed, so its owner must outlive every <see cref="IoVector"/> into it.</summary>
public sealed class MappedRegion : SafeHandle
{
    private const int ProtectReadWrite = 3;
    private const int MapSharedNoReserve = 0x1 | 0x4000;
    private readonly nuint _length;

    private MappedRegion(nint address, nuint length)
        : base(-1, ownsHandle: true)
    {
        SetHandle(address);
        _length = length;
    }

    public override bool IsInvalid => handle == -1;

    /// <summary>Bytes mapped.</summary>
    public ulong Length => _length;

    internal nint Address => handle;

    /// <summary>Maps bytes 0 to <paramref name="length"/> of a file, shared, for reading and writing.</summary>
    /// <remarks>A mapping past the end of its file would kill the process on first touch, so the file's size is checked.</remarks>
    public static PosixResult Map(FileDescriptor file, ulong length, out MappedRegion? region)
    {
        region = null;
        PosixResult size = file.Length();
        if (!size.IsSuccess)
        {
            return size;
        }

        if (length == 0 || length > (ulong)size.Value)
        {
            return new(-1, Errno.InvalidArgument);
        }

        nint address = Libc.MemoryMap(0, (nuint)length, ProtectReadWrite, MapSharedNoReserve, file, 0);
        if (address == -1)
        {
            return new(-1, (Errno)Marshal.GetLastPInvokeError());
        }

        region = new(address, (nuint)length);
        return default;
    }

    /// <summary>An anonymous shared file of this many bytes, as a VMM makes for its guest (memfd_create(2)).</summary>
    public static FileDescriptor CreateFile(string name, ulong length)
    {
        const uint CloseOnExec = 1;
        FileDescriptor file = new(PosixResult.From(Libc.MemfdCreate(name, CloseOnExec)).OrThrow("memfd_create"));
        _ = PosixResult.From(Libc.Truncate(file, checked((nint)length))).OrThrow("ftruncate");
        return file;
    }

    /// <summary>All of the mapping as checked words.</summary>
    public RingMemory Words() => new(handle, checked((int)Math.Min(_length, int.MaxValue)));

    /// <summary>A piece of the mapping for the kernel to read or fill. Null when it does not lie inside.</summary>
    public IoVector? Vector(ulong offset, ulong length)
        => offset > _length || length > _length - offset ? null : new IoVector(handle + (nint)offset, (nuint)length);

    protected override bool ReleaseHandle() => Libc.MemoryUnmap(handle, _length) == 0;
}
