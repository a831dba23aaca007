using System.Globalization;
using VmChannel.Native;
using VmChannel.Wire.VhostUser;

namespace VmChannel.Testing;

/// <summary>Memory of a guest that has no CPU: a memfd mapped here, and its regions as a front-end would describe them.</summary>
public sealed class GuestRam : IDisposable
{
    private readonly MappedRegion _mapping;
    private readonly ulong _guestBase;
    private readonly ulong _userBase;
    private readonly ulong _fileOffset;
    private readonly int _bytes;
    private int _allocated;

    /// <param name="bytes">Size; a multiple of the page size.</param>
    /// <param name="guestBase">Guest physical address of the first byte.</param>
    /// <param name="userBase">Address of the first byte in the front-end.</param>
    /// <param name="fileOffset">Where the memory begins in its file.</param>
    public GuestRam(int bytes, ulong guestBase = 0x4000_0000, ulong userBase = 0x7F12_0000_0000, ulong fileOffset = 0)
    {
        _bytes = bytes;
        _guestBase = guestBase;
        _userBase = userBase;
        _fileOffset = fileOffset;
        File = MappedRegion.CreateFile("guest-ram", fileOffset + (ulong)bytes);
        _ = MappedRegion.Map(File, fileOffset + (ulong)bytes, out MappedRegion? mapping).OrThrow("map guest memory");
        _mapping = mapping!;
        Words = _mapping.Words().Slice((int)fileOffset, bytes);
    }

    public FileDescriptor File { get; }

    /// <summary>All of the memory.</summary>
    public RingMemory Words { get; }

    /// <summary>First guest physical address past the end.</summary>
    public ulong GuestEnd => _guestBase + (ulong)_bytes;

    /// <summary>The memory as regions of equal size that touch each other.</summary>
    public MemoryRegion[] Regions(int count)
    {
        ulong each = (ulong)(_bytes / count);
        MemoryRegion[] regions = new MemoryRegion[count];
        for (int i = 0; i < count; i++)
        {
            ulong at = (ulong)i * each;
            regions[i] = new(_guestBase + at, each, _userBase + at, _fileOffset + at);
        }

        return regions;
    }

    public ulong GuestAddress(int offset) => _guestBase + (ulong)offset;

    public ulong UserAddress(int offset) => _userBase + (ulong)offset;

    public int OffsetOf(ulong guestAddress) => checked((int)(guestAddress - _guestBase));

    /// <summary>Room that is never given back. Returns its offset.</summary>
    public int Allocate(int bytes, int alignment = 16)
    {
        int offset = (_allocated + alignment - 1) & -alignment;
        if (bytes > _bytes - offset)
        {
            string wanted = bytes.ToString(CultureInfo.InvariantCulture);
            throw new InvalidOperationException($"no {wanted} bytes of guest memory left");
        }

        _allocated = offset + bytes;
        return offset;
    }

    /// <summary>Forgets what was allocated, as a rebooted guest does. The bytes stay.</summary>
    public void Reboot() => _allocated = 0;

    /// <summary>A piece for calls that take vectors.</summary>
    public IoVector Vector(int offset, int count)
        => _mapping.Vector(_fileOffset + (ulong)offset, (ulong)count) ?? throw new ArgumentOutOfRangeException(nameof(offset));

    public void Dispose()
    {
        _mapping.Dispose();
        File.Dispose();
    }
}
