using VmChannel.Native;
using VmChannel.Wire.VhostUser;
using VmChannel.Wire.Virtio;

namespace VmChannel.Testing;

/// <summary>The driver's side of a split ring, with the means to break every rule. Nothing here allocates per chain.</summary>
/// <remarks>VIRTIO 1.3 §2.7.13 (supplying buffers) and §2.7.14 (receiving used buffers). It trusts the device as little as the device trusts it.</remarks>
public sealed class DriverRing
{
    private readonly RingMemory _descriptors;
    private readonly RingMemory _available;
    private readonly RingMemory _used;
    private readonly int _descriptorsAt;
    private readonly int _availableAt;
    private readonly int _usedAt;
    private readonly int _tablesAt;
    private readonly int _tableEntries;
    private readonly GuestRam _ram;
    private readonly bool _hasEventIndex;
    private readonly bool _inOrder;
    private readonly ushort[] _free;
    private readonly int[] _chainDescriptors;
    private readonly ushort[] _order;
    private ushort _added;
    private ushort _published;
    private ushort _lastKick;
    private ushort _taken;
    private bool _callsWanted = true;

    /// <param name="ram">Where the ring is laid out.</param>
    /// <param name="size">Entries.</param>
    /// <param name="features">What was negotiated.</param>
    /// <param name="tableEntries">Entries of each indirect table; 0 without any.</param>
    public DriverRing(GuestRam ram, int size, VirtioFeatures features, int tableEntries = 0)
    {
        _ram = ram;
        Size = size;
        _hasEventIndex = features.HasFlag(VirtioFeatures.EventIndex);
        _inOrder = features.HasFlag(VirtioFeatures.InOrder);
        _tableEntries = tableEntries;
        _descriptorsAt = ram.Allocate(SplitLayout.DescriptorBytes(size), SplitLayout.DescriptorAlignment);
        _availableAt = ram.Allocate(SplitLayout.AvailableBytes(size), SplitLayout.AvailableAlignment);
        _usedAt = ram.Allocate(SplitLayout.UsedBytes(size), SplitLayout.UsedAlignment);
        _tablesAt = ram.Allocate(size * tableEntries * SplitDescriptor.Size);
        _descriptors = ram.Words.Slice(_descriptorsAt, SplitLayout.DescriptorBytes(size));
        _available = ram.Words.Slice(_availableAt, SplitLayout.AvailableBytes(size));
        _used = ram.Words.Slice(_usedAt, SplitLayout.UsedBytes(size));
        _free = new ushort[size];
        _chainDescriptors = new int[size];
        _order = new ushort[size];
        Reset();
    }

    public int Size { get; }

    /// <summary>Descriptors that no chain occupies.</summary>
    public int Free { get; private set; }

    /// <summary>The head of the next chain, while any descriptor is free.</summary>
    public ushort NextFree => _free[Free - 1];

    /// <summary>Chains the device has and has not used, as far as the driver looked.</summary>
    public int InFlight => unchecked((ushort)(_added - _taken));

    /// <summary>Chains the device has used and the driver has not taken back.</summary>
    public int UsedWaiting => unchecked((ushort)(UsedIndex - _taken));

    public ushort UsedIndex => _used.ReadUInt16(SplitLayout.Index);

    public ushort AvailableIndex => _published;

    /// <summary>What the device asks for in used.flags.</summary>
    public ushort UsedFlags => _used.ReadUInt16(SplitLayout.Flags);

    /// <summary>The device's wish for a kick: avail_event.</summary>
    public ushort AvailableEvent => _used.ReadUInt16(SplitLayout.AvailableEvent(Size));

    /// <summary>The ring in the front-end's addresses.</summary>
    public VringAddress Address(int index, ulong log = 0)
        => new((uint)index, 0, _ram.UserAddress(_descriptorsAt), _ram.UserAddress(_usedAt), _ram.UserAddress(_availableAt), log);

    /// <summary>Starts over, as after a device reset: all three parts become zero.</summary>
    /// <param name="start">Value of all indices, to come close to a wrap at once.</param>
    public void Reset(ushort start = 0)
    {
        Zero(_descriptors);
        Zero(_available);
        Zero(_used);
        for (int i = 0; i < Size; i++)
        {
            _free[i] = (ushort)(Size - 1 - i);
        }

        Free = Size;
        _added = _published = _lastKick = _taken = start;
        _callsWanted = true;
        _available.WriteUInt16(SplitLayout.Index, start);
        _used.WriteUInt16(SplitLayout.Index, start);
        _available.WriteUInt16(SplitLayout.UsedEvent(Size), start);
        _used.WriteUInt16(SplitLayout.AvailableEvent(Size), start);
    }

    /// <summary>Adds a chain of direct descriptors. False when not enough are free.</summary>
    /// <param name="buffers">Address, length and direction of each buffer; NEXT is filled in.</param>
    /// <param name="head">What the device will name.</param>
    public bool TryAdd(ReadOnlySpan<SplitDescriptor> buffers, out ushort head)
    {
        head = 0;
        if (buffers.Length > Free)
        {
            return false;
        }

        head = _free[Free - 1];
        for (int i = 0; i < buffers.Length; i++)
        {
            bool isLast = i == buffers.Length - 1;
            ushort next = isLast ? (ushort)0 : _free[Free - 2 - i];
            WriteDescriptor(
                _free[Free - 1 - i], buffers[i] with { Flags = buffers[i].Flags | (isLast ? 0 : DescriptorFlags.Next), Next = next });
        }

        Free -= buffers.Length;
        _chainDescriptors[head] = buffers.Length;
        PutHead(head);
        return true;
    }

    /// <summary>Adds a chain as an indirect table. False when no descriptor is free.</summary>
    public bool TryAddIndirect(ReadOnlySpan<SplitDescriptor> buffers, out ushort head)
    {
        head = 0;
        if (Free == 0)
        {
            return false;
        }

        ArgumentOutOfRangeException.ThrowIfGreaterThan(buffers.Length, _tableEntries, nameof(buffers));
        head = _free[--Free];
        int table = TableAt(head);
        for (int i = 0; i < buffers.Length; i++)
        {
            bool isLast = i == buffers.Length - 1;
            DescriptorFlags flags = buffers[i].Flags | (isLast ? 0 : DescriptorFlags.Next);
            WriteAt(table + (i * SplitDescriptor.Size), buffers[i] with { Flags = flags, Next = isLast ? (ushort)0 : (ushort)(i + 1) });
        }

        uint bytes = (uint)(buffers.Length * SplitDescriptor.Size);
        WriteDescriptor(head, new(_ram.GuestAddress(table), bytes, DescriptorFlags.Indirect, 0));
        _chainDescriptors[head] = 1;
        PutHead(head);
        return true;
    }

    /// <summary>Shows the device the chains added so far.</summary>
    public void Publish()
    {
        _published = _added;
        _available.WriteUInt16(SplitLayout.Index, _published);
    }

    /// <summary>Whether the device asked for a kick for what was published since the last question.</summary>
    public bool NeedsKick()
    {
        Interlocked.MemoryBarrier();
        ushort before = _lastKick;
        _lastKick = _published;
        return _hasEventIndex
            ? SplitLayout.Passes(AvailableEvent, before, _published)
            : before != _published && (UsedFlags & SplitLayout.Quiet) == 0;
    }

    /// <summary>Takes one chain back.</summary>
    /// <exception cref="InvalidOperationException">The device named a chain it does not have, or not the next one with IN_ORDER.</exception>
    public bool TryTake(out ushort head, out uint written)
    {
        head = 0;
        written = 0;
        int waiting = UsedWaiting;
        if (waiting == 0)
        {
            return false;
        }

        if (waiting > InFlight)
        {
            throw new InvalidOperationException("the device used more chains than it was given");
        }

        int entry = SplitLayout.Entries + ((_taken & (Size - 1)) * SplitLayout.UsedEntryBytes);
        uint id = _used.ReadUInt32(entry);
        written = _used.ReadUInt32(entry + sizeof(uint));
        if (id >= (uint)Size || _chainDescriptors[id] == 0 || (_inOrder && id != _order[_taken & (Size - 1)]))
        {
            throw new InvalidOperationException("the device named a chain it was not given, or out of order");
        }

        head = (ushort)id;
        Release(head);
        unchecked
        {
            _taken++;
        }

        if (_callsWanted)
        {
            _ = EnableCalls();
        }

        return true;
    }

    /// <summary>Asks for a call at the next used chain. True when one is there already.</summary>
    public bool EnableCalls()
    {
        _callsWanted = true;
        if (_hasEventIndex)
        {
            _available.WriteUInt16(SplitLayout.UsedEvent(Size), _taken);
        }
        else
        {
            _available.WriteUInt16(SplitLayout.Flags, 0);
        }

        Interlocked.MemoryBarrier();
        return UsedWaiting > 0;
    }

    public void DisableCalls()
    {
        _callsWanted = false;
        if (_hasEventIndex)
        {
            _available.WriteUInt16(SplitLayout.UsedEvent(Size), unchecked((ushort)(_taken + 0x8000)));
        }
        else
        {
            _available.WriteUInt16(SplitLayout.Flags, SplitLayout.Quiet);
        }
    }

    /// <summary>Puts anything into the table.</summary>
    public void WriteDescriptor(int index, in SplitDescriptor descriptor)
        => WriteAt(_descriptorsAt + (index * SplitDescriptor.Size), descriptor);

    /// <summary>Puts anything into the next entry of the available ring.</summary>
    public void PutHead(ushort head)
    {
        _order[_added & (Size - 1)] = head;
        _available.WriteUInt16(SplitLayout.Entries + ((_added & (Size - 1)) * sizeof(ushort)), head);
        unchecked
        {
            _added++;
        }
    }

    /// <summary>Puts anything into avail.idx.</summary>
    public void PutAvailableIndex(ushort index) => _available.WriteUInt16(SplitLayout.Index, index);

    /// <summary>Offset of a head's indirect table in guest memory.</summary>
    public int TableAt(ushort head) => _tablesAt + (head * _tableEntries * SplitDescriptor.Size);

    private static void Zero(in RingMemory part)
    {
        for (int i = 0; i + 1 < part.Length; i += 2)
        {
            part.WriteUInt16(i, 0);
        }
    }

    private void WriteAt(int offset, in SplitDescriptor descriptor)
    {
        Span<byte> bytes = stackalloc byte[SplitDescriptor.Size];
        descriptor.Write(bytes);
        _ram.Words.Write(offset, bytes);
    }

    private void Release(ushort head)
    {
        ushort at = head;
        int count = _chainDescriptors[head];
        _chainDescriptors[head] = 0;
        Span<byte> bytes = stackalloc byte[SplitDescriptor.Size];
        for (int i = 0; i < count; i++)
        {
            _descriptors.Read(at * SplitDescriptor.Size, bytes);
            _free[Free++] = at;
            at = SplitDescriptor.Read(bytes).Next;
        }
    }
}
