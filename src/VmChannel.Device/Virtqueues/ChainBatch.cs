using VmChannel.Native;

namespace VmChannel.Device.Virtqueues;

/// <summary>Descriptor chains gathered for one system call: all their pieces in a row, and where each chain begins.</summary>
/// <remarks>One batch serves all rings of a loop, one turn at a time; nothing in it outlives the turn.</remarks>
internal sealed class ChainBatch
{
    /// <summary>Chains one turn may gather.</summary>
    public const int MaxChains = 256;

    // Descriptors without bytes take no room, so a batch of them would otherwise have no end worth the name.
    private const int MaxSteps = 4096;

    private readonly IoVector[] _pieces = new IoVector[IoVector.MaxCount];
    private readonly Chain[] _chains = new Chain[MaxChains];

    public int ChainCount { get; private set; }

    /// <summary>Sum of all chains, in bytes.</summary>
    public long Length { get; private set; }

    public int PieceCount { get; private set; }

    /// <summary>Entries of the ring's own table that all chains occupy.</summary>
    public int Descriptors { get; private set; }

    public ReadOnlySpan<IoVector> Pieces => _pieces.AsSpan(0, PieceCount);

    public ReadOnlySpan<Chain> Chains => _chains.AsSpan(0, ChainCount);

    /// <summary>Descriptors looked at, those of indirect tables included.</summary>
    public int Steps { get; private set; }

    public bool IsFull => ChainCount == MaxChains || PieceCount == _pieces.Length || Steps >= MaxSteps;

    /// <summary>Room for more pieces.</summary>
    public Span<IoVector> Free => _pieces.AsSpan(PieceCount);

    public void Clear()
    {
        ChainCount = 0;
        PieceCount = 0;
        Descriptors = 0;
        Steps = 0;
        Length = 0;
    }

    /// <summary>Adds the chain whose pieces were just written to <see cref="Free"/>.</summary>
    /// <param name="head">Index of its first descriptor.</param>
    /// <param name="pieces">Pieces written.</param>
    /// <param name="length">Their sum.</param>
    /// <param name="descriptors">Entries of the ring's own table it occupies.</param>
    /// <param name="steps">Descriptors looked at.</param>
    public void Add(ushort head, int pieces, long length, int descriptors, int steps)
    {
        _chains[ChainCount++] = new(head, length);
        PieceCount += pieces;
        Length += length;
        Descriptors += descriptors;
        Steps += steps;
    }

    /// <summary>Drops the first bytes, which an earlier turn delivered. False when the first chain has no more than these.</summary>
    public bool SkipFront(long bytes)
    {
        if (bytes >= _chains[0].Length)
        {
            return false;
        }

        Length -= bytes;
        int first = 0;
        while (bytes >= _pieces[first].Length)
        {
            bytes -= _pieces[first++].Length;
        }

        PieceCount -= first;
        _pieces.AsSpan(first, PieceCount).CopyTo(_pieces);
        _pieces[0] = _pieces[0].Skip(bytes);
        return true;
    }

    /// <summary>Leaves only so many bytes in the pieces: a chain may name the same memory a thousand times over.</summary>
    /// <remarks>The chains keep their lengths, so one that is cut short counts as taken in part.</remarks>
    public void Truncate(long bytes)
    {
        if (Length <= bytes)
        {
            return;
        }

        Length = bytes;
        int count = 0;
        while (bytes > _pieces[count].Length)
        {
            bytes -= _pieces[count++].Length;
        }

        _pieces[count] = _pieces[count].Take(bytes);
        PieceCount = count + 1;
    }

    /// <summary>Chains that hold at least one of the first bytes, and empty ones between them.</summary>
    /// <param name="bytes">Bytes that were put in, front to back.</param>
    public int CountFilled(long bytes)
    {
        int filled = 0;
        foreach (Chain chain in Chains)
        {
            if (bytes <= 0 && chain.Length > 0)
            {
                break;
            }

            bytes -= chain.Length;
            filled++;
        }

        return filled;
    }

    /// <summary>One chain.</summary>
    /// <param name="Head">Index of its first descriptor: what the used ring names.</param>
    /// <param name="Length">Bytes of all its buffers.</param>
    public readonly record struct Chain(ushort Head, long Length);
}
