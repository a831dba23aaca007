using System.Buffers.Binary;

namespace VmChannel.Wire.VhostUser;

/// <summary>Header of every vhost-user message: 12 bytes. Host byte order, which is little-endian on every host we run on.</summary>
/// <remarks>vhost-user specification, "Header".</remarks>
public readonly record struct VhostUserHeader(uint Request, uint Flags, uint PayloadBytes)
{
    public const int Size = 12;

    /// <summary>Longest payload of any message a console front-end sends (a configuration access is 268 bytes).</summary>
    public const int MaxPayloadBytes = 4096;

    private const uint Version = 1;
    private const uint VersionMask = 3;
    private const uint ReplyFlag = 4;
    private const uint NeedReplyFlag = 8;

    /// <summary>The sender waits for an answer, with REPLY_ACK also to requests that have none of their own.</summary>
    public bool NeedsReply => (Flags & NeedReplyFlag) != 0;

    public bool IsReply => (Flags & ReplyFlag) != 0;

    public static VhostUserHeader Reply(uint request, int payloadBytes) => new(request, Version | ReplyFlag, (uint)payloadBytes);

    public static VhostUserHeader Ask(uint request, int payloadBytes, bool needsReply = false)
        => new(request, Version | (needsReply ? NeedReplyFlag : 0), (uint)payloadBytes);

    /// <summary>False when the bytes cannot be a message: wrong version or a payload past the cap. There is no way to find the next one.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out VhostUserHeader header)
    {
        header = new(
            BinaryPrimitives.ReadUInt32LittleEndian(source),
            BinaryPrimitives.ReadUInt32LittleEndian(source[4..]),
            BinaryPrimitives.ReadUInt32LittleEndian(source[8..]));
        return (header.Flags & VersionMask) == Version && header.PayloadBytes <= MaxPayloadBytes;
    }

    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, Request);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], Flags);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[8..], PayloadBytes);
    }
}
