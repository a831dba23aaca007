using VmChannel.Native;
using VmChannel.Wire.Virtio;

namespace VmChannel.Bench.Alone;

/// <summary>The driver's side of a split ring, as Linux plays it: EVENT_IDX both ways, one kick per buffer at most.</summary>
/// <remarks>One descriptor per chain. The device uses chains in order, so slot and ring position are the same number.</remarks>
internal sealed class DriverRing : IDisposable
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(1);

    private readonly RingMemory _descriptors;
    private readonly RingMemory _availableRing;
    private readonly RingMemory _usedRing;
    private readonly PollEntry[] _wait;
    private ushort _available;
    private ushort _used;

    /// <param name="memory">Where it lies.</param>
    /// <param name="size">Entries.</param>
    /// <param name="hasCall">The device calls; otherwise whoever waits looks again every millisecond.</param>
    public DriverRing(DriverMemory memory, int size, bool hasCall)
    {
        Size = size;
        DescriptorsAt = memory.Reserve((ulong)SplitLayout.DescriptorBytes(size));
        AvailableAt = memory.Reserve((ulong)SplitLayout.AvailableBytes(size));
        UsedAt = memory.Reserve((ulong)SplitLayout.UsedBytes(size));
        _descriptors = memory.Words.Slice((int)DescriptorsAt, SplitLayout.DescriptorBytes(size));
        _availableRing = memory.Words.Slice((int)AvailableAt, SplitLayout.AvailableBytes(size));
        _usedRing = memory.Words.Slice((int)UsedAt, SplitLayout.UsedBytes(size));
        Call = hasCall ? EventFd.Create() : null;
        _wait = Call is null ? [] : [new PollEntry(Call.Number, PollEvents.In)];
    }

    public int Size { get; }

    public ulong DescriptorsAt { get; }

    public ulong AvailableAt { get; }

    public ulong UsedAt { get; }

    public FileDescriptor Kick { get; } = EventFd.Create();

    public FileDescriptor? Call { get; }

    /// <summary>Kicks sent.</summary>
    public long Kicks { get; private set; }

    /// <summary>Times the driver slept for a call.</summary>
    public long Waits { get; private set; }

    /// <summary>Buffers the device has not given back.</summary>
    public int Pending => unchecked((ushort)(_available - _used));

    public bool IsFull => Pending == Size;

    /// <summary>Slot the next buffer will have: its owner keeps one piece of memory for each.</summary>
    public int NextSlot => _available & (Size - 1);

    /// <summary>Hands a buffer to the device and kicks it if it wants that.</summary>
    public void Add(ulong address, int length, bool deviceWrites)
    {
        int slot = NextSlot;
        Span<byte> descriptor = stackalloc byte[SplitDescriptor.Size];
        new SplitDescriptor(address, (uint)length, deviceWrites ? DescriptorFlags.Write : DescriptorFlags.None, 0).Write(descriptor);
        _descriptors.Write(slot * SplitDescriptor.Size, descriptor);
        _availableRing.WriteUInt16(SplitLayout.Entries + (slot * sizeof(ushort)), (ushort)slot);
        ushort before = _available;
        _available = unchecked((ushort)(before + 1));

        // Release (in WriteUInt16): the descriptor is visible before the index. Then a full barrier: the index is stored
        // before avail_event is loaded; pairs with the device's barrier between storing that and loading the index.
        _availableRing.WriteUInt16(SplitLayout.Index, _available);
        Interlocked.MemoryBarrier();
        if (SplitLayout.Passes(_usedRing.ReadUInt16(SplitLayout.AvailableEvent(Size)), before, _available))
        {
            Kicks++;
            _ = EventFd.Signal(Kick);
        }
    }

    /// <summary>Takes one buffer back. False when the device has used none.</summary>
    public bool TryTake(out int slot, out int written)
    {
        // Acquire (in ReadUInt16): pairs with the device's release of used.idx.
        if (_usedRing.ReadUInt16(SplitLayout.Index) == _used)
        {
            slot = 0;
            written = 0;
            return false;
        }

        slot = _used & (Size - 1);
        written = (int)_usedRing.ReadUInt32(SplitLayout.Entries + (slot * SplitLayout.UsedEntryBytes) + sizeof(uint));
        _used = unchecked((ushort)(_used + 1));

        // As Linux does after every buffer: call me when you use the next one.
        _availableRing.WriteUInt16(SplitLayout.UsedEvent(Size), _used);
        return true;
    }

    /// <summary>The device has used a buffer that was not taken. After false it calls as soon as it does.</summary>
    public bool HasUsed()
    {
        // Full barrier: as in Wait.
        Interlocked.MemoryBarrier();
        return _usedRing.ReadUInt16(SplitLayout.Index) != _used;
    }

    /// <summary>Sleeps until the device has used a buffer.</summary>
    public void Wait()
    {
        // Full barrier: used_event is stored before used.idx is loaded; pairs with the device's barrier between its own two.
        Interlocked.MemoryBarrier();
        while (_usedRing.ReadUInt16(SplitLayout.Index) == _used)
        {
            Waits++;
            _ = Poll.Wait(_wait, Call is null ? LookAgain : Timeout.InfiniteTimeSpan).OrThrow("poll");
            if (Call is not null)
            {
                EventFd.Clear(Call);
            }
        }
    }

    public void Dispose()
    {
        Kick.Dispose();
        Call?.Dispose();
    }
}
