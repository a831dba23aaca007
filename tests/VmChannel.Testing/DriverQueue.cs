using VmChannel.Native;
using VmChannel.Wire.Virtio;

namespace VmChannel.Testing;

/// <summary>A driver's queue: a ring, one buffer per entry, and the two descriptors that signal. Nothing here allocates per message.</summary>
public sealed class DriverQueue : IDisposable
{
    private readonly GuestRam _ram;
    private readonly int _buffersAt;
    private readonly bool _deviceWrites;
    private readonly bool _isIndirect;

    /// <param name="ram">Where everything lies.</param>
    /// <param name="index">The queue's number.</param>
    /// <param name="size">Entries.</param>
    /// <param name="features">What was negotiated; with INDIRECT_DESC every chain is a table.</param>
    /// <param name="bufferBytes">Size of each buffer.</param>
    public DriverQueue(GuestRam ram, int index, int size, VirtioFeatures features, int bufferBytes)
    {
        _ram = ram;
        Index = index;
        BufferBytes = bufferBytes;
        _deviceWrites = (index & 1) == 0;
        _isIndirect = features.HasFlag(VirtioFeatures.IndirectDescriptors);
        Ring = new DriverRing(ram, size, features, _isIndirect ? 4 : 0);
        _buffersAt = ram.Allocate(size * bufferBytes, 4096);
    }

    public int Index { get; }

    public DriverRing Ring { get; }

    public int BufferBytes { get; }

    /// <summary>Tells the device; also counts how often.</summary>
    public FileDescriptor KickFd { get; set; } = EventFd.Create();

    /// <summary>The device tells through it.</summary>
    public FileDescriptor CallFd { get; set; } = EventFd.Create();

    public long Kicks { get; private set; }

    /// <summary>Writes one message of up to <see cref="BufferBytes"/>. False when the ring is full.</summary>
    public bool TryWrite(ReadOnlySpan<byte> bytes)
    {
        Reclaim();
        if (!TryPlace(out int offset, out SplitDescriptor buffer, bytes.Length))
        {
            return false;
        }

        _ram.Words.Write(offset, bytes);
        Add(buffer);
        Ring.Publish();
        return true;
    }

    /// <summary>As <see cref="TryWrite"/> and a kick if the device wants one.</summary>
    public bool TrySend(ReadOnlySpan<byte> bytes)
    {
        bool written = TryWrite(bytes);
        if (written)
        {
            KickIfWanted();
        }

        return written;
    }

    /// <summary>Posts buffers for the device to fill, as many as there is room for up to <paramref name="count"/>.</summary>
    public int Post(int count)
    {
        int posted = 0;
        while (posted < count && TryPlace(out _, out SplitDescriptor buffer, BufferBytes))
        {
            Add(buffer);
            posted++;
        }

        Ring.Publish();
        KickIfWanted();
        return posted;
    }

    /// <summary>Takes one filled buffer; its bytes stay readable until it is posted again.</summary>
    /// <returns>Bytes, or -1 when there is none.</returns>
    public int TryRead(Span<byte> destination)
    {
        if (!Ring.TryTake(out ushort head, out uint written))
        {
            return -1;
        }

        int count = (int)Math.Min(written, (uint)destination.Length);
        _ram.Words.Read(BufferOf(head), destination[..count]);
        return count;
    }

    /// <summary>Takes back what the device has used.</summary>
    public void Reclaim()
    {
        while (Ring.TryTake(out _, out _))
        {
        }
    }

    public void KickIfWanted()
    {
        if (Ring.NeedsKick())
        {
            Kick();
        }
    }

    public void Kick()
    {
        Kicks++;
        _ = EventFd.Signal(KickFd);
    }

    /// <summary>The device called since the last question.</summary>
    public bool TakeCall()
    {
        Span<byte> count = stackalloc byte[8];
        return CallFd.Read(count).IsSuccess;
    }

    public void Dispose()
    {
        KickFd.Dispose();
        CallFd.Dispose();
    }

    /// <summary>Offset of a head's buffer in guest memory.</summary>
    public int BufferOf(ushort head) => _buffersAt + (head * BufferBytes);

    private bool TryPlace(out int offset, out SplitDescriptor buffer, int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, BufferBytes);
        offset = 0;
        buffer = default;
        if (Ring.Free == 0)
        {
            return false;
        }

        offset = BufferOf(Ring.NextFree);
        buffer = new(_ram.GuestAddress(offset), (uint)length, _deviceWrites ? DescriptorFlags.Write : DescriptorFlags.None, 0);
        return true;
    }

    private void Add(in SplitDescriptor buffer)
        => _ = _isIndirect ? Ring.TryAddIndirect([buffer], out _) : Ring.TryAdd([buffer], out _);
}
