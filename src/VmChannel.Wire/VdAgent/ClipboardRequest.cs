using System.Buffers.Binary;

namespace VmChannel.Wire.VdAgent;

/// <summary>Payload of <see cref="MessageType.ClipboardRequest"/>, and what precedes the bytes of a
/// <see cref="MessageType.ClipboardData"/>: [selection] type.</summary>
/// <remarks>spice-protocol <c>vd_agent.h</c>, <c>VDAgentClipboardRequest</c> and <c>VDAgentClipboard</c>.</remarks>
public readonly record struct ClipboardRequest(ClipboardSelection Selection, ClipboardType Type)
{
    /// <summary>The most bytes <see cref="Write"/> fills.</summary>
    public const int MaxSize = 8;

    /// <summary>Takes selection and type off a payload; what is left are the clipboard's bytes.</summary>
    public static bool TryTake(ref ReadOnlySpan<byte> payload, AgentCapabilities shared, out ClipboardRequest request)
    {
        request = default;
        ReadOnlySpan<byte> rest = payload;
        if (!ClipboardPrefix.TryTake(ref rest, shared, out ClipboardSelection selection) || rest.Length < 4)
        {
            return false;
        }

        request = new(selection, (ClipboardType)BinaryPrimitives.ReadUInt32LittleEndian(rest));
        payload = rest[4..];
        return true;
    }

    /// <summary>Returns the bytes written.</summary>
    public int Write(Span<byte> destination, AgentCapabilities shared)
    {
        int at = ClipboardPrefix.Write(destination, shared, Selection);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[at..], (uint)Type);
        return at + 4;
    }
}
