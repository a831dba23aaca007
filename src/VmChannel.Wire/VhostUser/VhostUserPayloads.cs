using System.Buffers.Binary;

namespace VmChannel.Wire.VhostUser;

/// <summary>A ring's number and one value of it: 8 bytes.</summary>
/// <remarks>vhost-user specification, "A vring state description".</remarks>
public readonly record struct VringState(uint Index, uint Value)
{
    public const int Size = 8;

    public static bool TryRead(ReadOnlySpan<byte> source, out VringState state)
    {
        bool whole = source.Length >= Size;
        state = whole ? new(BinaryPrimitives.ReadUInt32LittleEndian(source), BinaryPrimitives.ReadUInt32LittleEndian(source[4..])) : default;
        return whole;
    }

    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, Index);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], Value);
    }
}

/// <summary>Where the three parts of a ring lie, in the front-end's address space: 40 bytes.</summary>
/// <remarks>vhost-user specification, "A vring address description". The log address is ignored: no logging is offered.</remarks>
public readonly record struct VringAddress(uint Index, uint Flags, ulong Descriptors, ulong Used, ulong Available, ulong Log)
{
    public const int Size = 40;

    public static bool TryRead(ReadOnlySpan<byte> source, out VringAddress address)
    {
        bool whole = source.Length >= Size;
        address = whole
            ? new(
                BinaryPrimitives.ReadUInt32LittleEndian(source),
                BinaryPrimitives.ReadUInt32LittleEndian(source[4..]),
                BinaryPrimitives.ReadUInt64LittleEndian(source[8..]),
                BinaryPrimitives.ReadUInt64LittleEndian(source[16..]),
                BinaryPrimitives.ReadUInt64LittleEndian(source[24..]),
                BinaryPrimitives.ReadUInt64LittleEndian(source[32..]))
            : default;
        return whole;
    }

    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, Index);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], Flags);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[8..], Descriptors);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[16..], Used);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[24..], Available);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[32..], Log);
    }
}

/// <summary>The descriptor message of SET_VRING_KICK, _CALL and _ERR: a u64 with the ring number and a flag.</summary>
/// <remarks>vhost-user specification: bits 0-7 are the index, bit 8 says that no descriptor comes with it.</remarks>
public readonly record struct VringDescriptor(byte Index, bool HasDescriptor)
{
    public const int Size = 8;

    private const ulong NoDescriptor = 1 << 8;

    public static bool TryRead(ReadOnlySpan<byte> source, out VringDescriptor descriptor)
    {
        if (source.Length < Size)
        {
            descriptor = default;
            return false;
        }

        ulong value = BinaryPrimitives.ReadUInt64LittleEndian(source);
        descriptor = new(unchecked((byte)value), (value & NoDescriptor) == 0);
        return true;
    }

    public void Write(Span<byte> destination)
        => BinaryPrimitives.WriteUInt64LittleEndian(destination, Index | (HasDescriptor ? 0 : NoDescriptor));
}

/// <summary>One region of guest memory: 32 bytes.</summary>
/// <remarks>vhost-user specification, "Memory region description".</remarks>
public readonly record struct MemoryRegion(ulong GuestAddress, ulong Length, ulong UserAddress, ulong FileOffset)
{
    public const int Size = 32;

    /// <summary>Bytes before the region in ADD_MEM_REG and REM_MEM_REG.</summary>
    public const int SinglePadding = 8;

    public static bool TryRead(ReadOnlySpan<byte> source, out MemoryRegion region)
    {
        bool whole = source.Length >= Size;
        region = whole
            ? new(
                BinaryPrimitives.ReadUInt64LittleEndian(source),
                BinaryPrimitives.ReadUInt64LittleEndian(source[8..]),
                BinaryPrimitives.ReadUInt64LittleEndian(source[16..]),
                BinaryPrimitives.ReadUInt64LittleEndian(source[24..]))
            : default;
        return whole;
    }

    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(destination, GuestAddress);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[8..], Length);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[16..], UserAddress);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[24..], FileOffset);
    }
}

/// <summary>Head of SET_MEM_TABLE: a count, padding, then that many regions.</summary>
/// <remarks>vhost-user specification, "Multiple Memory regions description". UML sends room for two and a count of one.</remarks>
public static class MemoryTable
{
    /// <summary>Regions one message may bring (VHOST_MEMORY_BASELINE_NREGIONS).</summary>
    public const int MaxRegions = 8;

    public const int HeadBytes = 8;

    /// <summary>False when the count is zero, past the cap, or more than the bytes hold.</summary>
    public static bool TryReadCount(ReadOnlySpan<byte> source, out int count)
    {
        count = 0;
        if (source.Length < HeadBytes)
        {
            return false;
        }

        uint claimed = BinaryPrimitives.ReadUInt32LittleEndian(source);
        if (claimed is 0 or > MaxRegions || source.Length - HeadBytes < (int)claimed * MemoryRegion.Size)
        {
            return false;
        }

        count = (int)claimed;
        return true;
    }
}

/// <summary>Head of GET_CONFIG and SET_CONFIG: 12 bytes, then that many bytes of configuration space.</summary>
/// <remarks>vhost-user specification, "Virtio device config space": at most 256 bytes in all.</remarks>
public readonly record struct ConfigAccess(uint Offset, uint Length, uint Flags)
{
    public const int HeadBytes = 12;

    /// <summary>VHOST_USER_MAX_CONFIG_SIZE.</summary>
    public const int SpaceBytes = 256;

    /// <summary>False when the access leaves the space or its bytes are missing.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out ConfigAccess access)
    {
        if (source.Length < HeadBytes)
        {
            access = default;
            return false;
        }

        access = new(
            BinaryPrimitives.ReadUInt32LittleEndian(source),
            BinaryPrimitives.ReadUInt32LittleEndian(source[4..]),
            BinaryPrimitives.ReadUInt32LittleEndian(source[8..]));
        return access.Offset <= SpaceBytes
            && access.Length <= SpaceBytes - access.Offset
            && source.Length - HeadBytes >= access.Length;
    }

    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, Offset);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], Length);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[8..], Flags);
    }
}
