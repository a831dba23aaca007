using System.Buffers.Binary;

namespace VmChannel.Wire.VdAgent;

/// <summary>Header of every agent message: 20 bytes, little-endian, followed by <see cref="PayloadBytes"/> bytes.</summary>
/// <remarks>spice-protocol <c>vd_agent.h</c>, <c>VDAgentMessage</c>. Messages are cut into chunks anywhere, also inside this header.</remarks>
public readonly record struct MessageHeader(uint Protocol, MessageType Type, ulong Opaque, uint PayloadBytes)
{
    public const int Size = 20;

    /// <summary>The only value of <see cref="Protocol"/> there ever was. VD_AGENT_PROTOCOL.</summary>
    public const uint CurrentProtocol = 1;

    public static bool TryRead(ReadOnlySpan<byte> source, out MessageHeader header)
    {
        if (source.Length < Size)
        {
            header = default;
            return false;
        }

        header = new(
            BinaryPrimitives.ReadUInt32LittleEndian(source),
            (MessageType)BinaryPrimitives.ReadUInt32LittleEndian(source[4..]),
            BinaryPrimitives.ReadUInt64LittleEndian(source[8..]),
            BinaryPrimitives.ReadUInt32LittleEndian(source[16..]));
        return true;
    }

    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, Protocol);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], (uint)Type);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[8..], Opaque);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[16..], PayloadBytes);
    }
}
