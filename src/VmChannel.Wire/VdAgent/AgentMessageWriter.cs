using System.Buffers;

namespace VmChannel.Wire.VdAgent;

/// <summary>Cuts one message into chunks a guest's agent accepts. One writer per message.</summary>
/// <remarks>A message has up to two parts, so that long data need not be copied behind the few bytes that precede it.</remarks>
public ref struct AgentMessageWriter
{
    private readonly ReadOnlySpan<byte> _data;
    private readonly Head _head;
    private readonly int _headBytes;
    private int _taken;

    /// <param name="type">Kind of message.</param>
    /// <param name="fields">Its first bytes; at most <see cref="MaxFieldBytes"/>.</param>
    /// <param name="data">Its other bytes.</param>
    /// <param name="resumeAt">What <see cref="Taken"/> was, to go on with a message begun by an earlier writer.</param>
    public AgentMessageWriter(MessageType type, ReadOnlySpan<byte> fields, ReadOnlySpan<byte> data, int resumeAt = 0)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(fields.Length, MaxFieldBytes, nameof(fields));
        new MessageHeader(MessageHeader.CurrentProtocol, type, 0, (uint)(fields.Length + data.Length)).Write(_head);
        fields.CopyTo(((Span<byte>)_head)[MessageHeader.Size..]);
        _headBytes = MessageHeader.Size + fields.Length;
        _data = data;
        _taken = resumeAt;
    }

    public const int MaxFieldBytes = 12;

    /// <summary>Bytes of the message written so far, without chunk headers.</summary>
    public readonly int Taken => _taken;

    public readonly bool IsDone => _taken == _headBytes + _data.Length;

    /// <summary>Writes the next chunk.</summary>
    public void WriteChunk(IBufferWriter<byte> output)
    {
        int bytes = Math.Min(ChunkHeader.MaxBytesToGuest, _headBytes + _data.Length - _taken);
        Span<byte> chunk = output.GetSpan(ChunkHeader.Size + bytes)[..(ChunkHeader.Size + bytes)];
        new ChunkHeader(ChunkPort.Client, (uint)bytes).Write(chunk);
        chunk = chunk[ChunkHeader.Size..];
        if (_taken < _headBytes)
        {
            int count = Math.Min(bytes, _headBytes - _taken);
            ((ReadOnlySpan<byte>)_head).Slice(_taken, count).CopyTo(chunk);
            chunk = chunk[count..];
            _taken += count;
        }

        _data.Slice(_taken - _headBytes, chunk.Length).CopyTo(chunk);
        _taken += chunk.Length;
        output.Advance(ChunkHeader.Size + bytes);
    }

    [System.Runtime.CompilerServices.InlineArray(MessageHeader.Size + MaxFieldBytes)]
    private struct Head
    {
        private byte _first;
    }
}
