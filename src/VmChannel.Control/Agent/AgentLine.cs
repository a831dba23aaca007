namespace VmChannel.Control.Agent;

/// <summary>Cuts what an agent sends into lines, and finds the one that answers a synchronisation.</summary>
/// <param name="maxBytes">The longest line that is kept; a longer one is an error before it is stored.</param>
internal sealed class AgentLine(int maxBytes)
{
    /// <summary>What precedes the answer to <c>guest-sync-delimited</c>, and is in no JSON: UTF-8 has no such byte.</summary>
    public const byte Sentinel = 0xFF;

    private const byte End = (byte)'\n';
    private const int FirstBytes = 16 * 1024;

    private byte[] _buffer = new byte[FirstBytes];
    private int _start;
    private int _end;
    private int _searched;

    /// <summary>How long a line may be from now on; what is there already stays.</summary>
    public int MaxBytes { get; set; } = maxBytes;

    /// <summary>Where the next bytes belong; <see cref="Added"/> says how many came.</summary>
    /// <exception cref="AgentException">The line is too long.</exception>
    public Memory<byte> Room()
    {
        if (_end - _start > MaxBytes)
        {
            throw new AgentException($"the agent's answer is longer than {MaxBytes} bytes: is the program in the guest qemu-guest-agent?");
        }

        if (_start == _end && _buffer.Length > MaxBytes + FirstBytes)
        {
            (_buffer, _start, _end, _searched) = (new byte[FirstBytes], 0, 0, 0); // a long answer was read, and the next ones are short
        }

        if (_start > 0 && (_start == _end || _end == _buffer.Length))
        {
            _buffer.AsSpan(_start.._end).CopyTo(_buffer);
            (_start, _end, _searched) = (0, _end - _start, _searched - _start);
        }

        if (_end == _buffer.Length)
        {
            Array.Resize(ref _buffer, (int)Math.Min((long)_buffer.Length * 2, (long)MaxBytes + FirstBytes + _buffer.Length));
        }

        return _buffer.AsMemory(_end);
    }

    public void Added(int count) => _end += count;

    /// <summary>The next line without its end and without what came before a sentinel in it; good until <see cref="Room"/> is asked for.</summary>
    /// <param name="line">The bytes, which may be changed.</param>
    /// <param name="isDelimited">A sentinel came before it.</param>
    public bool TryTake(out Memory<byte> line, out bool isDelimited)
    {
        int found = _buffer.AsSpan(_searched.._end).IndexOf(End);
        if (found < 0)
        {
            _searched = _end;
            line = default;
            isDelimited = false;
            return false;
        }

        line = _buffer.AsMemory(_start, _searched + found - _start);
        _start = _searched += found + 1;
        int sentinel = line.Span.LastIndexOf(Sentinel);
        isDelimited = sentinel >= 0;
        line = line[(sentinel + 1)..];
        return true;
    }

    /// <summary>Of a line that is not complete only what follows its last sentinel matters, and nothing if it has none: an answer to somebody who is gone.</summary>
    public void DropStale()
    {
        int sentinel = _buffer.AsSpan(_start.._end).LastIndexOf(Sentinel);
        _start = sentinel < 0 ? _end : _start + sentinel;
        _searched = _start;
    }
}
