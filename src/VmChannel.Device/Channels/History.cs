using VmChannel.Native;

namespace VmChannel.Device.Channels;

/// <summary>The last bytes a guest wrote, by their position in its stream. Loop thread only.</summary>
/// <remarks>Copied from guest memory after somebody took them: a guest that writes there meanwhile fools its own readers only.</remarks>
internal sealed class History
{
    private PinnedBuffer _memory = new(0);
    private int _capacity;
    private long _start;

    /// <summary>Position of the oldest byte kept.</summary>
    public long Start => Math.Max(_start, End - _capacity);

    /// <summary>Position after the newest byte: all bytes that were ever appended.</summary>
    public long End { get; private set; }

    /// <summary>Keeps at least so many bytes from now on. What is kept stays.</summary>
    public void Reserve(int bytes)
    {
        if (bytes > _capacity)
        {
            Move(bytes);
        }
    }

    /// <summary>Gives memory back if less than half of it is needed for the last so many bytes.</summary>
    public void Trim(long bytes)
    {
        if (bytes < _capacity / 2)
        {
            Move((int)bytes);
        }
    }

    /// <summary>Adds the first bytes of these pieces. The oldest bytes make room.</summary>
    /// <param name="source">Pieces of guest memory.</param>
    /// <param name="count">Bytes of them.</param>
    public void Append(ReadOnlySpan<IoVector> source, long count)
    {
        // Only the last of them will be found here; what they would overwrite need not be written.
        long skip = Math.Max(0, count - _capacity);
        End += skip;
        count -= skip;
        foreach (IoVector vector in source)
        {
            long from = Math.Min(skip, vector.Length);
            skip -= from;
            while (count > 0 && from < vector.Length)
            {
                int room = RunLength(End, End + count);
                int copied = IoVector.CopyOut([vector.Skip(from)], _memory.Span.Slice((int)(End % _capacity), room));
                from += copied;
                count -= copied;
                End += copied;
            }
        }
    }

    /// <summary>The bytes from a position to the end, as one or two pieces. Returns how many pieces.</summary>
    public int Pieces(long position, Span<IoVector> pieces) => Pieces(position, End, pieces);

    /// <summary>The bytes from one position to another, as one or two pieces. Returns how many pieces.</summary>
    public int Pieces(long position, long end, Span<IoVector> pieces)
    {
        int first = RunLength(position, end);
        pieces[0] = _memory.Vector((int)(position % _capacity), first);
        if (position + first == end)
        {
            return 1;
        }

        pieces[1] = _memory.Vector(0, (int)(end - position - first));
        return 2;
    }

    private void Move(int bytes)
    {
        PinnedBuffer memory = new(bytes);
        long start = Math.Max(Start, End - bytes);
        for (long at = start; at < End;)
        {
            ReadOnlySpan<byte> piece = _memory.Span.Slice((int)(at % _capacity), RunLength(at, End));
            int to = (int)(at % bytes);
            piece = piece[..Math.Min(piece.Length, bytes - to)];
            piece.CopyTo(memory.Span[to..]);
            at += piece.Length;
        }

        (_memory, _capacity, _start) = (memory, bytes, start);
    }

    /// <summary>Bytes from one position towards another that lie together.</summary>
    private int RunLength(long from, long to) => (int)Math.Min(to - from, _capacity - (from % _capacity));
}
