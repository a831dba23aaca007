using VmChannel.Native;
using VmChannel.Wire.Virtio;

namespace VmChannel.Device.Virtqueues;

/// <summary>The split ring's format: finds chains, marks them used. When to tell the driver is <see cref="Virtqueue"/>'s affair.</summary>
/// <remarks>
/// VIRTIO 1.3 §2.7. Chains are used in the order in which they became available, so one index serves both rings, and
/// used.idx in guest memory is all that must be known to go on after a stop. The driver is not trusted: every index is
/// checked, every walk bounded, every descriptor copied before it is looked at.
/// </remarks>
internal sealed class SplitRing
{
    private readonly RingMemory _descriptors;
    private readonly RingMemory _available;
    private readonly RingMemory _used;
    private readonly GuestMemory _memory;
    private readonly int _size;
    private readonly bool _allowsIndirect;
    private readonly bool _hasEventIndex;

    public SplitRing(
        in RingMemory descriptors, in RingMemory available, in RingMemory used, GuestMemory memory, int size, VirtioFeatures features)
    {
        _descriptors = descriptors;
        _available = available;
        _used = used;
        _memory = memory;
        _size = size;
        _allowsIndirect = features.HasFlag(VirtioFeatures.IndirectDescriptors);
        _hasEventIndex = features.HasFlag(VirtioFeatures.EventIndex);
        Index = used.ReadUInt16(SplitLayout.Index);
    }

    /// <summary>Entries.</summary>
    public int Size => _size;

    /// <summary>The next chain to use, modulo 2^16.</summary>
    public ushort Index { get; private set; }

    /// <summary>Chains the driver made available and we have not used. May exceed <see cref="Size"/> when the driver lies.</summary>
    public int Available()
        // Acquire (in ReadUInt16): pairs with the driver's release of avail.idx; entries and descriptors are read after it.
        => unchecked((ushort)(_available.ReadUInt16(SplitLayout.Index) - Index));

    /// <summary>Walks the chain that is <paramref name="ahead"/> chains after the next one and adds it to the batch.</summary>
    /// <param name="ahead">Less than <see cref="Available"/>.</param>
    /// <param name="deviceWrites">The direction every buffer must have.</param>
    /// <param name="batch">Receives the chain; untouched after a fault.</param>
    /// <returns><see cref="RingFault.TooManyPieces"/> also when the batch just has no room left: try again in an empty one.</returns>
    public RingFault Walk(int ahead, bool deviceWrites, ChainBatch batch)
    {
        int entry = unchecked((ushort)(Index + ahead)) & (_size - 1);
        ushort head = _available.ReadUInt16(SplitLayout.Entries + (entry * sizeof(ushort)));
        Walked walked = new(deviceWrites, batch.Free);
        RingFault fault = WalkTable(_descriptors, _size, head, isIndirect: false, ref walked);
        if (fault == RingFault.None)
        {
            batch.Add(head, walked.Pieces, walked.Length, walked.DirectDescriptors, walked.Steps);
        }

        return fault;
    }

    /// <summary>Writes one used entry after <paramref name="ahead"/> others; the driver does not see it before <see cref="Publish"/>.</summary>
    public void PutUsed(int ahead, ushort head, uint writtenBytes)
    {
        int entry = unchecked((ushort)(Index + ahead)) & (_size - 1);
        int offset = SplitLayout.Entries + (entry * SplitLayout.UsedEntryBytes);
        // Two words: entries are aligned to four bytes only.
        _used.WriteUInt32(offset, head);
        _used.WriteUInt32(offset + sizeof(uint), writtenBytes);
    }

    /// <summary>Shows the driver the entries put so far.</summary>
    public void Publish(int count)
    {
        Index = unchecked((ushort)(Index + count));
        // Release (in WriteUInt16): pairs with the driver's acquire of used.idx; the entries are visible before it.
        _used.WriteUInt16(SplitLayout.Index, Index);
    }

    /// <summary>Whether the driver wants to be told that the index moved here from <paramref name="before"/>.</summary>
    public bool WantsCall(ushort before)
    {
        // Full barrier: our store of used.idx comes before this load. Pairs with the driver's barrier between storing
        // used_event (or clearing the flag) and loading used.idx: one of the two sees the other's store.
        Interlocked.MemoryBarrier();
        return _hasEventIndex
            ? SplitLayout.Passes(_available.ReadUInt16(SplitLayout.UsedEvent(_size)), before, Index)
            : (_available.ReadUInt16(SplitLayout.Flags) & SplitLayout.Quiet) == 0;
    }

    /// <summary>
    /// The used chain, modulo 2^16, that the driver wants to be told of: with EVENT_IDX, a driver that wants calls names the one it will take
    /// back next. Null without.
    /// </summary>
    public ushort? DriverWaitsFor() => _hasEventIndex ? _available.ReadUInt16(SplitLayout.UsedEvent(_size)) : null;

    /// <summary>Asks the driver for a kick when it makes a chain available after the first <paramref name="known"/> ones.</summary>
    /// <returns>Chains available after the request: more than <paramref name="known"/> means that no kick will come for these.</returns>
    public int WantKick(int known)
    {
        if (_hasEventIndex)
        {
            _used.WriteUInt16(SplitLayout.AvailableEvent(_size), unchecked((ushort)(Index + known)));
        }
        else
        {
            _used.WriteUInt16(SplitLayout.Flags, 0);
        }

        // Full barrier: the request is stored before avail.idx is loaded. Pairs with the driver's barrier between
        // storing avail.idx and loading avail_event or used.flags.
        Interlocked.MemoryBarrier();
        return Available();
    }

    /// <summary>Asks the driver not to kick. With EVENT_IDX an avail_event that lies behind says so already.</summary>
    public void RefuseKicks()
    {
        if (!_hasEventIndex)
        {
            _used.WriteUInt16(SplitLayout.Flags, SplitLayout.Quiet);
        }
    }

    private RingFault WalkTable(in RingMemory table, int tableSize, int index, bool isIndirect, ref Walked walked)
    {
        Span<byte> copy = stackalloc byte[SplitDescriptor.Size];
        for (int steps = 0; steps < tableSize; steps++)
        {
            if (index >= tableSize)
            {
                return RingFault.IndexOutOfTable;
            }

            table.Read(index * SplitDescriptor.Size, copy);
            SplitDescriptor descriptor = SplitDescriptor.Read(copy);
            walked.DirectDescriptors += isIndirect ? 0 : 1;
            walked.Steps++;
            if ((descriptor.Flags & DescriptorFlags.Indirect) != 0)
            {
                return isIndirect ? RingFault.BadIndirectTable : WalkIndirect(descriptor, ref walked);
            }

            RingFault fault = Append(descriptor, ref walked);
            if (fault != RingFault.None)
            {
                return fault;
            }

            if ((descriptor.Flags & DescriptorFlags.Next) == 0)
            {
                return RingFault.None;
            }

            index = descriptor.Next;
        }

        return RingFault.ChainLoops;
    }

    private RingFault WalkIndirect(in SplitDescriptor pointer, ref Walked walked)
    {
        // §2.7.5.3.1 forbids NEXT beside INDIRECT. A table may be longer than the ring: Linux does that for long
        // scatter lists on short rings, so the bound is what one system call takes.
        uint entries = pointer.Length / SplitDescriptor.Size;
        return _allowsIndirect
            && (pointer.Flags & DescriptorFlags.Next) == 0
            && pointer.Length % SplitDescriptor.Size == 0
            && entries is > 0 and <= IoVector.MaxCount
            && _memory.TryWindow(pointer.Address, (int)pointer.Length, out RingMemory table)
                ? WalkTable(table, (int)entries, 0, isIndirect: true, ref walked)
                : RingFault.BadIndirectTable;
    }

    private RingFault Append(in SplitDescriptor descriptor, ref Walked walked)
    {
        if ((descriptor.Flags & DescriptorFlags.Write) != 0 != walked.DeviceWrites)
        {
            return RingFault.WrongDirection;
        }

        Span<IoVector> free = walked.Free[walked.Pieces..];
        if (!_memory.TryTranslate(descriptor.Address, descriptor.Length, free, out int pieces))
        {
            return pieces == free.Length ? RingFault.TooManyPieces : RingFault.OutsideMemory;
        }

        walked.Pieces += pieces;
        walked.Length += descriptor.Length;
        return RingFault.None;
    }

    /// <summary>A walk under way.</summary>
    private ref struct Walked(bool deviceWrites, Span<IoVector> free)
    {
        public readonly bool DeviceWrites = deviceWrites;
        public readonly Span<IoVector> Free = free;
        public int Pieces;
        public int DirectDescriptors;
        public int Steps;
        public long Length;
    }
}
