namespace VmChannel.Wire.Virtio;

/// <summary>Sizes, alignments and offsets of a split ring's three parts, in bytes.</summary>
/// <remarks>VIRTIO 1.3 §2.7.2, §2.7.6, §2.7.8; the event fields exist whether or not EVENT_IDX was negotiated.</remarks>
public static class SplitLayout
{
    /// <summary>Largest queue size of a split ring.</summary>
    public const int MaxSize = 32768;

    public const int DescriptorAlignment = 16;
    public const int AvailableAlignment = 2;
    public const int UsedAlignment = 4;

    /// <summary>Offset of flags in both rings.</summary>
    public const int Flags = 0;

    /// <summary>Offset of idx in both rings.</summary>
    public const int Index = 2;

    /// <summary>Offset of the first entry in both rings.</summary>
    public const int Entries = 4;

    /// <summary>VIRTQ_AVAIL_F_NO_INTERRUPT and VIRTQ_USED_F_NO_NOTIFY: the other side need not tell.</summary>
    public const ushort Quiet = 1;

    /// <summary>Bytes of one used entry: head (u32), written length (u32).</summary>
    public const int UsedEntryBytes = 8;

    /// <summary>The size is a power of two from 1 to <see cref="MaxSize"/>.</summary>
    public static bool IsValidSize(uint size) => size is > 0 and <= MaxSize && (size & (size - 1)) == 0;

    public static int DescriptorBytes(int size) => size * SplitDescriptor.Size;

    public static int AvailableBytes(int size) => UsedEvent(size) + sizeof(ushort);

    public static int UsedBytes(int size) => AvailableEvent(size) + sizeof(ushort);

    /// <summary>Offset of used_event, in the available ring.</summary>
    public static int UsedEvent(int size) => Entries + (size * sizeof(ushort));

    /// <summary>Offset of avail_event, in the used ring.</summary>
    public static int AvailableEvent(int size) => Entries + (size * UsedEntryBytes);

    /// <summary>Does moving an index from <paramref name="before"/> to <paramref name="after"/> pass the one where the other side wants to be told?</summary>
    /// <remarks>VIRTIO 1.3 §2.7.7.1 and §2.7.10: <c>vring_need_event</c>, modulo 2^16.</remarks>
    public static bool Passes(ushort wanted, ushort before, ushort after)
        => unchecked((ushort)(after - wanted - 1) < (ushort)(after - before));
}
