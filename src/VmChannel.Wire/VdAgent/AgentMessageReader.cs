using System.Buffers;

namespace VmChannel.Wire.VdAgent;

/// <summary>Puts messages together again from a guest's byte stream, however it was cut. One reader per stream.</summary>
/// <remarks>
/// Memory follows the bytes that came, never the length somebody claims, and ends at the cap given. Too long a message
/// is read past; a length nobody can mean (<see cref="MaxClaimedBytes"/>) or a chunk that overruns its message says that
/// the stream is out of step, and only a new stream helps.
/// </remarks>
/// <param name="maxPayloadBytes">Longest payload that is put together.</param>
/// <param name="streamed">
/// Kind of message that is handed out in pieces as they come, whatever its length: first the <see cref="StreamedHeadBytes"/> at its
/// beginning, or all there is, then the rest, which nothing copies.
/// </param>
public sealed class AgentMessageReader(int maxPayloadBytes, MessageType? streamed = null)
{
    /// <summary>Longest message or chunk taken for one: more than any clipboard that is passed on, with what precedes it.</summary>
    public const uint MaxClaimedBytes = (1024 * 1024 * 1024) + 4096;

    /// <summary>What precedes the clipboard's bytes in a message, at most.</summary>
    public const int StreamedHeadBytes = ClipboardRequest.MaxSize;

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
            int used = _isOurs ? TakeFromChunk(piece, out message) : piece.Length;
            input = input[used..];
            _chunkLeft -= (uint)used;
            if (_isOurs && IsWhole)
            {
                // One message per chunk at most: spice-vdagentd takes more for a stream out of step, and so do we.
                _isBroken = _chunkLeft > 0;
                message = Finish(message);
                return OperationStatus.Done;
            }

            if (!message.Payload.IsEmpty)
            {
                return OperationStatus.Done;
            }
        }

        return OperationStatus.InvalidData;
    }

    private bool IsWhole => _messageHeaderBytes == MessageHeader.Size && _payloadTaken == _header.PayloadBytes;

    private bool IsStreamed => _header.Type == streamed && _header.Protocol == MessageHeader.CurrentProtocol;

    private bool IsSkipped
        => (_header.PayloadBytes > (uint)maxPayloadBytes && !IsStreamed) || _header.Protocol != MessageHeader.CurrentProtocol;

    /// <summary>Bytes to put together before the first piece of a streamed message.</summary>
    private uint HeadBytes => Math.Min(StreamedHeadBytes, _header.PayloadBytes);

    private int TakeFromChunk(ReadOnlySpan<byte> piece, out AgentMessage streamedPiece)
    {
        streamedPiece = default;
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

        bool isHead = IsStreamed && _payloadTaken < HeadBytes;
        int count = (int)Math.Min((uint)rest.Length, (isHead ? HeadBytes : _header.PayloadBytes) - _payloadTaken);
        if (IsStreamed && !isHead)
        {
            streamedPiece = new(_header, rest[..count], isSkipped: false, _payloadTaken);
        }
        else if (!IsSkipped)
        {
            Grow((int)_payloadTaken + count);
            rest[..count].CopyTo(_payload.AsSpan((int)_payloadTaken));
        }

        _payloadTaken += (uint)count;
        if (isHead && _payloadTaken == HeadBytes)
        {
            streamedPiece = new(_header, _payload.AsSpan(0, (int)HeadBytes), isSkipped: false);
        }

        return piece.Length - rest.Length + count;
    }

    private AgentMessage Finish(AgentMessage streamedPiece)
    {
        _messageHeaderBytes = 0;
        return IsStreamed ? streamedPiece
            : IsSkipped ? new(_header, [], isSkipped: true)
            : new(_header, _payload.AsSpan(0, (int)_payloadTaken), isSkipped: false);
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
