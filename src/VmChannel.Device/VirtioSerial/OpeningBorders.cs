namespace VmChannel.Device.VirtioSerial;

/// <summary>Where, among the chains on a port's transmit ring, those of one opening end and those of the next begin. Loop thread only.</summary>
/// <remarks>
/// A driver waits until its PORT_OPEN 0 is taken, so what is on the ring at that moment was written before, and all that
/// follows after. While the first opening's chains wait for the host, others may come and go; each that wrote anything is
/// kept, of which the ring bounds the number. One that wrote nothing has not been noticed by anybody.
/// </remarks>
internal struct OpeningBorders
{
    private Queue<int>? _later;
    private int _laterChains;
    private int _noted;
    private int _left;

    /// <summary>The first opening is over, and its end on the ring is known.</summary>
    public bool IsSet { get; private set; }

    /// <summary>After all openings that are over another one has begun.</summary>
    public bool IsOpenLater { get; private set; }

    /// <summary>Nothing of the first opening is left on the ring.</summary>
    public readonly bool IsReached => IsSet && _left == 0;

    /// <summary>Chains that may be taken now.</summary>
    public readonly int Left => IsSet ? _left : int.MaxValue;

    /// <summary>The driver waits for its PORT_OPEN 0 to be taken.</summary>
    /// <param name="available">Chains on the ring; null when it does not run.</param>
    public void Note(int? available) => _noted = available ?? -1;

    /// <summary>The opening that was there ends where it was noted.</summary>
    public void Set()
    {
        IsSet = _noted >= 0;
        _left = _noted;
    }

    /// <summary>One more opening begins or ends behind those that are known.</summary>
    public void Add(bool isOpen)
    {
        if (!isOpen && IsOpenLater)
        {
            int own = _noted - _left - _laterChains;
            if (own > 0)
            {
                (_later ??= []).Enqueue(own);
                _laterChains += own;
            }
        }

        IsOpenLater = isOpen;
    }

    /// <summary>So many chains were taken.</summary>
    public void Pass(int chains) => _left -= IsSet ? chains : 0;

    /// <summary>The first opening is dealt with. True when the next is over, too: it is the first from now on.</summary>
    public bool Next()
    {
        if (_later is not null && _later.TryDequeue(out int chains))
        {
            _left = chains;
            _laterChains -= chains;
            return true;
        }

        Clear();
        return false;
    }

    /// <summary>Nothing is told apart any more.</summary>
    public void Clear()
    {
        _later?.Clear();
        _laterChains = 0;
        IsSet = false;
        IsOpenLater = false;
    }
}
