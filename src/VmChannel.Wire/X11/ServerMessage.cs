using System.Buffers;
using System.Buffers.Binary;

namespace VmChannel.Wire.X11;

/// <summary>An error, a reply or an event of an X server: 32 bytes, little-endian because we asked for it, and more after a reply.</summary>
/// <remarks>X Window System Protocol, "Protocol Encoding". A server may send any event code.</remarks>
public readonly ref struct ServerMessage(ReadOnlySpan<byte> bytes)
{
    public const int Size = 32;

    /// <summary>Code of an event that was sent by another client, not the server.</summary>
    public const byte SentFlag = 0x80;

    private const byte ReplyCode = 1;
    private const byte GenericEventCode = 35;

    public ReadOnlySpan<byte> Bytes { get; } = bytes;

    public byte Code => (byte)(Bytes[0] & ~SentFlag);

    public bool IsError => Bytes[0] == 0;

    public bool IsReply => Bytes[0] == ReplyCode;

    /// <summary>The low half of the number of the last request that the server had carried out.</summary>
    public ushort Sequence => BinaryPrimitives.ReadUInt16LittleEndian(Bytes[2..]);

    /// <summary>Takes one message off the input, which is advanced only then.</summary>
    /// <param name="input">What the server sent.</param>
    /// <param name="maxBytes">The longest message that is taken.</param>
    /// <param name="message">Valid as long as the input's memory.</param>
    /// <returns>InvalidData: it is longer than that.</returns>
    public static OperationStatus TryTake(ref ReadOnlySpan<byte> input, int maxBytes, out ServerMessage message)
    {
        message = default;
        if (input.Length < Size)
        {
            return OperationStatus.NeedMoreData;
        }

        uint words = (input[0] & ~SentFlag) is ReplyCode or GenericEventCode ? BinaryPrimitives.ReadUInt32LittleEndian(input[4..]) : 0;
        if (words > (uint)(maxBytes - Size) / sizeof(uint))
        {
            return OperationStatus.InvalidData;
        }

        int bytes = Size + ((int)words * sizeof(uint));
        if (input.Length < bytes)
        {
            return OperationStatus.NeedMoreData;
        }

        message = new(input[..bytes]);
        input = input[bytes..];
        return OperationStatus.Done;
    }
}
