using System.Buffers.Binary;

namespace VmChannel.Wire.VdAgent;

/// <summary>Payload of <see cref="MessageType.AnnounceCapabilities"/>: a word that asks for an answer, then capability words.</summary>
/// <remarks>
/// spice-protocol <c>vd_agent.h</c>, <c>VDAgentAnnounceCapabilities</c>. Sent with <see cref="IsRequest"/>, it also makes
/// spice-vdagentd start its grab serials at zero.
/// </remarks>
public readonly record struct CapabilitiesMessage(bool IsRequest, AgentCapabilities Capabilities)
{
    /// <summary>Bytes <see cref="Write"/> fills: the request word and one capability word.</summary>
    public const int Size = 8;

    public static bool TryRead(ReadOnlySpan<byte> payload, out CapabilitiesMessage message)
    {
        // A peer of the first days sends no word at all; one of the future sends several.
        if (payload.Length < 4)
        {
            message = default;
            return false;
        }

        uint word = payload.Length < Size ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(payload[4..]);
        message = new(BinaryPrimitives.ReadUInt32LittleEndian(payload) != 0, (AgentCapabilities)word);
        return true;
    }

    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, IsRequest ? 1u : 0u);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], (uint)Capabilities);
    }
}
