using VmChannel.Native;

namespace VmChannel.Device.UsbSerial;

/// <summary>Bytes of OUT transfers that the host end has not taken yet, in order. They are not the guest's any more, and not delivered either.</summary>
/// <remarks>A ring that grows to what a guest really keeps in flight, and no further than <see cref="MaxBytes"/>.</remarks>
internal sealed class HeldOutput
{
    public const int MaxBytes = 1 << 20;
    public const int MaxTransfers = 256;

    private const int FirstBytes = 16 * 1024;

    private readonly List<Transfer> _transfers = [];
    private readonly IoVector[] _pieces = new IoVector[2];
    private PinnedBuffer _ring = new(FirstBytes);
    private int _size = FirstBytes;
    private int _head;

    /// <summary>Transfers that are not over.</summary>
    public int Count => _transfers.Count;

    /// <summary>Bytes that wait.</summary>
    public int Bytes { get; private set; }

    /// <summary>The oldest transfer.</summary>
    public Transfer First => _transfers[0];

    /// <summary>All of them, the oldest first.</summary>
    public IReadOnlyList<Transfer> Transfers => _transfers;

    /// <summary>Keeps the rest of a transfer.</summary>
    /// <param name="id">Which.</param>
    /// <param name="taken">Bytes of it that were taken already.</param>
    /// <param name="rest">The rest.</param>
    /// <returns>False: too much waits.</returns>
    public bool TryAdd(ulong id, int taken, ReadOnlySpan<byte> rest)
    {
        if (_transfers.Count == MaxTransfers || rest.Length > MaxBytes - Bytes)
        {
            return false;
        }

        if (Bytes + rest.Length > _size)
        {
            Grow(Bytes + rest.Length);
        }

        int tail = (_head + Bytes) % _size;
        int first = Math.Min(rest.Length, _size - tail);
        rest[..first].CopyTo(_ring.Span[tail..]);
        rest[first..].CopyTo(_ring.Span);
        Bytes += rest.Length;
        _transfers.Add(new(id, taken, rest.Length));
        return true;
    }

    /// <summary>The bytes that wait, as one or two pieces.</summary>
    /// <param name="most">No more than these.</param>
    public ReadOnlySpan<IoVector> Pieces(int most)
    {
        int count = Math.Min(most, Bytes);
        int first = Math.Min(count, _size - _head);
        _pieces[0] = _ring.Vector(_head, first);
        _pieces[1] = _ring.Vector(0, count - first);
        return _pieces.AsSpan(0, count > first ? 2 : 1);
    }

    /// <summary>The oldest bytes were taken. Then <see cref="First"/> may be whole.</summary>
    public void Take(int count)
    {
        _head = (_head + count) % _size;
        Bytes -= count;
        for (int i = 0; count > 0; i++)
        {
            Transfer transfer = _transfers[i];
            int its = Math.Min(count, transfer.Left);
            _transfers[i] = transfer with { Taken = transfer.Taken + its, Left = transfer.Left - its };
            count -= its;
        }
    }

    /// <summary>The oldest transfer is over.</summary>
    public void RemoveFirst() => _transfers.RemoveAt(0);

    /// <summary>Gives up what is left of a transfer.</summary>
    /// <param name="id">Which.</param>
    /// <param name="removed">The transfer, as far as it came.</param>
    /// <returns>False: there is none with this id.</returns>
    public bool TryRemove(ulong id, out Transfer removed)
    {
        int skipped = 0;
        for (int i = 0; i < _transfers.Count; i++)
        {
            removed = _transfers[i];
            if (removed.Id == id)
            {
                _transfers.RemoveAt(i);
                Cut(skipped, removed.Left);
                return true;
            }

            skipped += removed.Left;
        }

        removed = default;
        return false;
    }

    /// <summary>Gives up all of them. Costs the same however much waits.</summary>
    public void Clear()
    {
        _transfers.Clear();
        (_head, Bytes) = (0, 0);
    }

    /// <summary>Closes a gap: what comes behind it moves up, in as few blocks as the ring allows.</summary>
    private void Cut(int at, int count)
    {
        if (at == 0)
        {
            _head = (_head + count) % _size;
            Bytes -= count;
            return;
        }

        Span<byte> ring = _ring.Span;
        int to = (_head + at) % _size;
        int from = (to + count) % _size;
        for (int left = Bytes - at - count; left > 0;)
        {
            int block = Math.Min(left, _size - Math.Max(from, to));
            ring.Slice(from, block).CopyTo(ring[to..]);
            (from, to, left) = ((from + block) % _size, (to + block) % _size, left - block);
        }

        Bytes -= count;
    }

    private void Grow(int needed)
    {
        int size = _size;
        while (size < needed)
        {
            size *= 2;
        }

        PinnedBuffer larger = new(size);
        int first = Math.Min(Bytes, _size - _head);
        _ring.Span.Slice(_head, first).CopyTo(larger.Span);
        _ring.Span[..(Bytes - first)].CopyTo(larger.Span[first..]);
        (_ring, _size, _head) = (larger, size, 0);
    }

    /// <summary>An OUT transfer.</summary>
    /// <param name="Id">Its name.</param>
    /// <param name="Taken">Bytes that the host end took.</param>
    /// <param name="Left">Bytes that wait.</param>
    public readonly record struct Transfer(ulong Id, int Taken, int Left);
}
