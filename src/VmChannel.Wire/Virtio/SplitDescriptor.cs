using System.Buffers.Binary;

namespace VmChannel.Wire.Virtio;

/// <summary>Flags of a descriptor.</summary>
/// <remarks>VIRTIO 1.3 §2.7.5. A driver may set any bit.</remarks>
[Flags]
public enum DescriptorFlags : ushort
{
    None = 0,

    /// <summary>VIRTQ_DESC_F_NEXT: the chain goes on at <see cref="SplitDescriptor.Next"/>.</summary>
    Next = 1,

    /// <summary>VIRTQ_DESC_F_WRITE: the device writes this buffer.</summary>
    Write = 2,

    /// <summary>VIRTQ_DESC_F_INDIRECT: the buffer is a table of descriptors.</summary>
    Indirect = 4,
}

/// <summary>One buffer of a split ring's descriptor table: 16 bytes, little-endian.</summary>
/// <remarks>VIRTIO 1.3 §2.7.5, <c>struct virtq_desc</c>. Always a copy: the driver may change the original at any time.</remarks>
public readonly record struct SplitDescriptor(ulong Address, uint Length, DescriptorFlags Flags, ushort Next)
{
    public const int Size = 16;

    public static SplitDescriptor Read(ReadOnlySpan<byte> source)
        => new(
            BinaryPrimitives.ReadUInt64LittleEndian(source),
            BinaryPrimitives.ReadUInt32LittleEndian(source[8..]),
            (DescriptorFlags)BinaryPrimitives.ReadUInt16LittleEndian(source[12..]),
            BinaryPrimitives.ReadUInt16LittleEndian(source[14..]));

    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(destination, Address);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[8..], Length);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[12..], (ushort)Flags);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[14..], Next);
    }
}
