using System.Buffers;

namespace VmChannel.Wire.VdAgent;

/// <summary>Puts messages together again from a guest's byte stream, however it was cut. One reader per stream.</summary>
/// <remarks>
/// Memory follows the bytes that came, never the length somebody claims, and ends at the cap given. Too long a message
/// is read past; a length nobody can mean (<see cref="MaxClaimedBytes"/>) or a chunk that overruns its message says that
/// the stream is out of step, and only a new stream helps.
/// </remarks>
public sealed class AgentMessageReader(int maxPayloadBytes)
{
    /// <summary>Longest message or chunk taken for one. A guest's agent sends an image of this size when its user copies one.</summary>
    public const uint MaxClaimedBytes = 64 * 1024 * 1024;

    private const int FirstPayloadBytes = 4096;

    private readonly byte[] _chunkHeader = new byte[ChunkHeader.Size];
    private readonly byte[] _messageHeader = new byte[MessageHeader.Size];
    private byte[] _payload = [];
    private int _chunkHeaderBytes;
    private int _messageHeaderBytes;
    private uint _chunkLeft;
    private bool _isOurs;
    private MessageHeader _header;
    private uint _payloadTaken;
    private bool _isBroken;

    /// <summary>Bytes of memory held for a message: what a test bounds.</summary>
    public int HeldBytes => _payload.Length;

    /// <summary>Takes input until one message is whole.</summary>
    /// <param name="input">Advanced past what was used, also when the message is not whole yet.</param>
    /// <param name="message">The message, when the result is <see cref="OperationStatus.Done"/>.</param>
    /// <returns>Done; NeedMoreData when all input is used up; InvalidData, for ever, when the stream is out of step.</returns>
    public OperationStatus TryRead(ref ReadOnlySpan<byte> input, out AgentMessage message)
    {
        message = default;
        while (!_isBroken)
        {
            if (_chunkLeft == 0 && _chunkHeaderBytes < ChunkHeader.Size)
            {
                if (!Fill(ref input, _chunkHeader, ref _chunkHeaderBytes))
                {
                    return OperationStatus.NeedMoreData;
                }

                _ = ChunkHeader.TryRead(_chunkHeader, out ChunkHeader chunk);
                _isOurs = chunk.Port == ChunkPort.Client;
                _chunkLeft = chunk.Bytes;
                _isBroken = chunk.Bytes > MaxClaimedBytes || chunk.Port is not (ChunkPort.Client or ChunkPort.Server);
                continue;
            }

            if (_chunkLeft == 0)
            {
                _chunkHeaderBytes = 0;
                continue;
            }

            if (input.IsEmpty)
            {
                return OperationStatus.NeedMoreData;
            }

            ReadOnlySpan<byte> piece = input[..(int)Math.Min((uint)input.Length, _chunkLeft)];
            int used = _isOurs ? TakeFromChunk(piece) : piece.Length;
            input = input[used..];
            _chunkLeft -= (uint)used;
            if (_isOurs && IsWhole)
            {
                // One message per chunk at most: spice-vdagentd takes more for a stream out of step, and so do we.
                _isBroken = _chunkLeft > 0;
                message = Finish();
                return OperationStatus.Done;
            }
        }

        return OperationStatus.InvalidData;
    }

    private bool IsWhole => _messageHeaderBytes == MessageHeader.Size && _payloadTaken == _header.PayloadBytes;

    private bool IsSkipped => _header.PayloadBytes > (uint)maxPayloadBytes || _header.Protocol != MessageHeader.CurrentProtocol;

    private int TakeFromChunk(ReadOnlySpan<byte> piece)
    {
        ReadOnlySpan<byte> rest = piece;
        if (_messageHeaderBytes < MessageHeader.Size)
        {
            if (!Fill(ref rest, _messageHeader, ref _messageHeaderBytes))
            {
                return piece.Length;
            }

            _ = MessageHeader.TryRead(_messageHeader, out _header);
            _payloadTaken = 0;
            if (_header.PayloadBytes > MaxClaimedBytes)
            {
                _isBroken = true;
                return piece.Length;
            }
        }

        int count = (int)Math.Min((uint)rest.Length, _header.PayloadBytes - _payloadTaken);
        if (!IsSkipped)
        {
            Grow((int)_payloadTaken + count);
            rest[..count].CopyTo(_payload.AsSpan((int)_payloadTaken));
        }

        _payloadTaken += (uint)count;
        return piece.Length - rest.Length + count;
    }

    private AgentMessage Finish()
    {
        _messageHeaderBytes = 0;
        return IsSkipped ? new(_header, [], isSkipped: true) : new(_header, _payload.AsSpan(0, (int)_payloadTaken), isSkipped: false);
    }

    private void Grow(int bytes)
    {
        if (bytes > _payload.Length)
        {
            Array.Resize(ref _payload, Math.Min(maxPayloadBytes, Math.Max(FirstPayloadBytes, Math.Max(bytes, _payload.Length * 2))));
        }
    }

    private static bool Fill(ref ReadOnlySpan<byte> input, byte[] header, ref int have)
    {
        int count = Math.Min(input.Length, header.Length - have);
        input[..count].CopyTo(header.AsSpan(have));
        input = input[count..];
        have += count;
        return have == header.Length;
    }
}
