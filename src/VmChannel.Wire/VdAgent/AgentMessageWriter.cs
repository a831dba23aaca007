using System.Buffers;

namespace VmChannel.Wire.VdAgent;

/// <summary>Cuts one message into chunks a guest's agent accepts. One writer per message.</summary>
/// <remarks>A message has up to two parts, so that long data need neither be copied behind the few bytes that precede it nor be there at once.</remarks>
public ref struct AgentMessageWriter
{
    private readonly Head _head;
    private readonly int _headBytes;
    private readonly int _bytes;
    private int _taken;

    /// <param name="type">Kind of message.</param>
    /// <param name="fields">Its first bytes; at most <see cref="MaxFieldBytes"/>.</param>
    /// <param name="dataBytes">How many follow.</param>
    /// <param name="resumeAt">What <see cref="Taken"/> was, to go on with a message begun by an earlier writer.</param>
    public AgentMessageWriter(MessageType type, ReadOnlySpan<byte> fields, int dataBytes, int resumeAt = 0)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(fields.Length, MaxFieldBytes, nameof(fields));
        new MessageHeader(MessageHeader.CurrentProtocol, type, 0, (uint)(fields.Length + dataBytes)).Write(_head);
        fields.CopyTo(((Span<byte>)_head)[MessageHeader.Size..]);
        _headBytes = MessageHeader.Size + fields.Length;
        _bytes = checked(_headBytes + dataBytes);
        _taken = resumeAt;
    }

    public const int MaxFieldBytes = ClipboardGrab.MaxSize;

    /// <summary>Bytes of the message written so far, without chunk headers.</summary>
    public readonly int Taken => _taken;

    /// <summary>Bytes of the data written so far.</summary>
    public readonly int DataTaken => Math.Max(0, _taken - _headBytes);

    public readonly bool IsDone => _taken == _bytes;

    /// <summary>Writes the next chunk.</summary>
    /// <param name="output">Gets it, with its header.</param>
    /// <param name="data">The data from <see cref="DataTaken"/> on, as far as it is at hand, and none when nothing is left; what was written is taken off.</param>
    public void WriteChunk(IBufferWriter<byte> output, ref ReadOnlySpan<byte> data)
    {
        int headBytes = Math.Max(0, _headBytes - _taken);
        int bytes = Math.Min(ChunkHeader.MaxBytesToGuest, Math.Min(headBytes + data.Length, _bytes - _taken));
        Span<byte> chunk = output.GetSpan(ChunkHeader.Size + bytes)[..(ChunkHeader.Size + bytes)];
        new ChunkHeader(ChunkPort.Client, (uint)bytes).Write(chunk);
        chunk = chunk[ChunkHeader.Size..];
        headBytes = Math.Min(headBytes, bytes);
        ((ReadOnlySpan<byte>)_head).Slice(Math.Min(_taken, _headBytes), headBytes).CopyTo(chunk);
        chunk = chunk[headBytes..];
        data[..chunk.Length].CopyTo(chunk);
        data = data[chunk.Length..];
        _taken += bytes;
        output.Advance(ChunkHeader.Size + bytes);
    }

    [System.Runtime.CompilerServices.InlineArray(MessageHeader.Size + MaxFieldBytes)]
    private struct Head
    {
        private byte _first;
    }
}
