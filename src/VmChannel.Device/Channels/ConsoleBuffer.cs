using VmChannel.Native;

namespace VmChannel.Device.Channels;

/// <summary>The last bytes of a console that its host end has not taken yet. Oldest bytes go first when it is full.</summary>
/// <remarks>Linux's hvc output spins with interrupts off until the device used its buffer, so a console can never wait.</remarks>
/// <param name="capacityBytes">What it keeps at most.</param>
internal sealed class ConsoleBuffer(int capacityBytes)
{
    private int _capacity = capacityBytes;
    private PinnedBuffer? _memory;
    private int _start;
    private int _count;
    private bool _isFlushing;

    public bool IsEmpty => _count == 0;

    /// <summary>Passes bytes on, or keeps them. Returns how many old bytes were dropped for it.</summary>
    public long Write(HostEnd end, ReadOnlySpan<IoVector> source, long length)
    {
        TryFlush(end);
        long written = 0;
        if (_count == 0 && end.IsOpen)
        {
            written = end.Write(source);
        }

        return written == length ? 0 : Keep(source, written);
    }

    /// <summary>Keeps at most so many bytes from now on. Returns how many old bytes were dropped for it.</summary>
    public long Resize(int capacityBytes)
    {
        int dropped = Math.Max(0, _count - capacityBytes);
        if (_memory is not null && capacityBytes != _capacity)
        {
            PinnedBuffer next = new(capacityBytes);
            Span<IoVector> kept = stackalloc IoVector[2];
            _count = IoVector.CopyOut(kept[..Pieces((_start + dropped) % _capacity, _count - dropped, kept)], next.Span);
            _memory = next;
            _start = 0;
        }

        _capacity = capacityBytes;
        return dropped;
    }

    /// <summary>Gives the host end what was kept.</summary>
    public void TryFlush(HostEnd end)
    {
        // A host end may ask to be looked at again from inside the write: the bytes of that write are not ours any more.
        if (_isFlushing)
        {
            return;
        }

        _isFlushing = true;
        Span<IoVector> pieces = stackalloc IoVector[2];
        while (_count > 0 && end.IsOpen)
        {
            long written = end.Write(pieces[..Pieces(_start, _count, pieces)]);
            if (written == 0)
            {
                break;
            }

            _start = (_start + (int)written) % _capacity;
            _count -= (int)written;
        }

        _isFlushing = false;
    }

    /// <summary>Gives all that was kept to an audience.</summary>
    public void MoveTo(Audience audience)
    {
        if (_count > 0)
        {
            Span<IoVector> pieces = stackalloc IoVector[2];
            audience.Inherit(pieces[..Pieces(_start, _count, pieces)], _count);
            _count = 0;
        }
    }

    private long Keep(ReadOnlySpan<IoVector> source, long skip)
    {
        _memory ??= new PinnedBuffer(_capacity);
        long dropped = 0;
        Span<IoVector> free = stackalloc IoVector[2];
        Span<byte> chunk = stackalloc byte[4096];
        foreach (IoVector vector in source)
        {
            long from = Math.Min(skip, vector.Length);
            skip -= from;
            while (from < vector.Length)
            {
                int count = (int)Math.Min(chunk.Length, vector.Length - from);
                _ = IoVector.CopyOut([vector.Skip(from)], chunk[..count]);
                from += count;

                int excess = Math.Max(0, _count + count - _capacity);
                _start = (_start + excess) % _capacity;
                _count -= excess;
                dropped += excess;
                int pieces = Pieces((_start + _count) % _capacity, count, free);
                _ = IoVector.CopyIn(chunk[..count], free[..pieces]);
                _count += count;
            }
        }

        return dropped;
    }

    private int Pieces(int start, int count, Span<IoVector> pieces)
    {
        int first = Math.Min(count, _capacity - start);
        pieces[0] = _memory!.Vector(start, first);
        if (first == count)
        {
            return 1;
        }

        pieces[1] = _memory.Vector(0, count - first);
        return 2;
    }
}
