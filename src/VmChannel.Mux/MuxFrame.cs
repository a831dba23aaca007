using System.Buffers;
using System.Buffers.Binary;

namespace VmChannel.Mux;

/// <summary>Kind of frame (yamux specification, "Type Field").</summary>
/// <remarks>A peer may send any value: <see cref="MuxFrame.TryRead"/> refuses those that are not here.</remarks>
internal enum MuxFrameType : byte
{
    /// <summary>Length bytes of a stream follow.</summary>
    Data = 0,

    /// <summary>Length is how many bytes more the receiver takes.</summary>
    WindowUpdate = 1,

    /// <summary>Length is a number to be sent back.</summary>
    Ping = 2,

    /// <summary>Length is a <see cref="GoAwayCode"/>; no streams can be opened any more.</summary>
    GoAway = 3,
}

/// <summary>What a frame is besides (yamux specification, "Flag Field").</summary>
[Flags]
internal enum MuxFrameFlags : ushort
{
    None = 0,

    /// <summary>Opens the stream; a ping that wants an answer.</summary>
    Syn = 1,

    /// <summary>The first frame of who was asked to open the stream; the answer to a ping.</summary>
    Ack = 2,

    /// <summary>The sender has no more bytes for this stream.</summary>
    Fin = 4,

    /// <summary>The stream is over, both ways, at once.</summary>
    Rst = 8,
}

/// <summary>Why a session ends (yamux specification, "Length Field" of Go Away).</summary>
internal enum GoAwayCode : uint
{
    Normal = 0,
    ProtocolError = 1,
    InternalError = 2,
}

/// <summary>Header of every frame of a session: 12 bytes, big-endian.</summary>
/// <param name="Type">What kind of frame.</param>
/// <param name="Flags">What it does besides.</param>
/// <param name="StreamId">0 = the session; odd = opened by the side with the greater nonce, even = by the other.</param>
/// <param name="Length">Bytes that follow a header of type Data; a number for the others.</param>
/// <remarks>The format is yamux's, version 0: github.com/hashicorp/yamux, spec.md.</remarks>
internal readonly record struct MuxFrame(MuxFrameType Type, MuxFrameFlags Flags, uint StreamId, uint Length)
{
    public const int Size = 12;

    private const byte Version = 0;
    private const MuxFrameFlags Known = MuxFrameFlags.Syn | MuxFrameFlags.Ack | MuxFrameFlags.Fin | MuxFrameFlags.Rst;

    /// <summary>Reads a header. The length is the peer's claim: check it before it is used.</summary>
    public static OperationStatus TryRead(ReadOnlySpan<byte> source, out MuxFrame frame)
    {
        frame = default;
        if (source.Length > 0 && source[0] != Version)
        {
            return OperationStatus.InvalidData;
        }

        if (source.Length < Size)
        {
            return OperationStatus.NeedMoreData;
        }

        frame = new(
            (MuxFrameType)source[1],
            (MuxFrameFlags)BinaryPrimitives.ReadUInt16BigEndian(source[2..]),
            BinaryPrimitives.ReadUInt32BigEndian(source[4..]),
            BinaryPrimitives.ReadUInt32BigEndian(source[8..]));
        bool isOfStream = frame.Type is MuxFrameType.Data or MuxFrameType.WindowUpdate;
        return frame.Type <= MuxFrameType.GoAway && (frame.Flags & ~Known) == 0 && isOfStream == (frame.StreamId != 0)
            ? OperationStatus.Done
            : OperationStatus.InvalidData;
    }

    /// <summary>Writes the header.</summary>
    /// <param name="destination">At least <see cref="Size"/> bytes.</param>
    public void Write(Span<byte> destination)
    {
        destination[0] = Version;
        destination[1] = (byte)Type;
        BinaryPrimitives.WriteUInt16BigEndian(destination[2..], (ushort)Flags);
        BinaryPrimitives.WriteUInt32BigEndian(destination[4..], StreamId);
        BinaryPrimitives.WriteUInt32BigEndian(destination[8..], Length);
    }
}
