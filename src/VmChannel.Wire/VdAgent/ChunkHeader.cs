using System.Buffers.Binary;

namespace VmChannel.Wire.VdAgent;

/// <summary>Who a chunk is for (wire field <c>port</c>). A peer may send any value.</summary>
public enum ChunkPort : uint
{
    /// <summary>Between the guest's agent and whoever uses the desktop. VDP_CLIENT_PORT.</summary>
    Client = 1,

    /// <summary>Between the guest's agent and the display server itself. VDP_SERVER_PORT.</summary>
    Server = 2,
}

/// <summary>Precedes every piece of a message: 8 bytes, little-endian.</summary>
/// <remarks>
/// spice-protocol <c>vd_agent.h</c>, <c>VDIChunkHeader</c>. The two directions differ: spice-vdagentd gives up on a chunk
/// above <see cref="MaxBytesToGuest"/>, but itself sends a whole message, however long, as one chunk.
/// </remarks>
public readonly record struct ChunkHeader(ChunkPort Port, uint Bytes)
{
    public const int Size = 8;

    /// <summary>Bytes one chunk towards the guest may carry. VD_AGENT_MAX_DATA_SIZE.</summary>
    public const int MaxBytesToGuest = 2048;

    public static bool TryRead(ReadOnlySpan<byte> source, out ChunkHeader header)
    {
        if (source.Length < Size)
        {
            header = default;
            return false;
        }

        header = new((ChunkPort)BinaryPrimitives.ReadUInt32LittleEndian(source), BinaryPrimitives.ReadUInt32LittleEndian(source[4..]));
        return true;
    }

    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, (uint)Port);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], Bytes);
    }
}
