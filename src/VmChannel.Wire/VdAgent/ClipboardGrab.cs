using System.Buffers.Binary;

namespace VmChannel.Wire.VdAgent;

/// <summary>Payload of <see cref="MessageType.ClipboardGrab"/>: [selection] [serial] type type …</summary>
/// <param name="Selection">Which clipboard.</param>
/// <param name="Serial">Grabs of this selection so far, of both sides; 0 unless both have GRAB_SERIAL.</param>
/// <param name="HasText">UTF-8 text is among the offered types.</param>
/// <remarks>spice-protocol <c>vd_agent.h</c>, <c>VDAgentClipboardGrab</c>; the order of the optional words as spice-vdagentd writes them.</remarks>
public readonly record struct ClipboardGrab(ClipboardSelection Selection, uint Serial, bool HasText)
{
    /// <summary>Types looked at; six exist.</summary>
    public const int MaxTypes = 32;

    /// <summary>The most bytes <see cref="Write"/> fills.</summary>
    public const int MaxSize = 12;

    public static bool TryRead(ReadOnlySpan<byte> payload, AgentCapabilities shared, out ClipboardGrab grab)
    {
        grab = default;
        if (!ClipboardPrefix.TryTake(ref payload, shared, out ClipboardSelection selection))
        {
            return false;
        }

        uint serial = 0;
        if (shared.HasFlag(AgentCapabilities.ClipboardGrabSerial))
        {
            if (payload.Length < 4)
            {
                return false;
            }

            serial = BinaryPrimitives.ReadUInt32LittleEndian(payload);
            payload = payload[4..];
        }

        bool hasText = false;
        for (int i = 0; i < MaxTypes && payload.Length >= 4; i++)
        {
            hasText |= (ClipboardType)BinaryPrimitives.ReadUInt32LittleEndian(payload) == ClipboardType.Utf8Text;
            payload = payload[4..];
        }

        grab = new(selection, serial, hasText);
        return true;
    }

    /// <summary>Writes the grab, offering text or nothing. Returns the bytes written.</summary>
    public int Write(Span<byte> destination, AgentCapabilities shared)
    {
        int at = ClipboardPrefix.Write(destination, shared, Selection);
        if (shared.HasFlag(AgentCapabilities.ClipboardGrabSerial))
        {
            BinaryPrimitives.WriteUInt32LittleEndian(destination[at..], Serial);
            at += 4;
        }

        if (HasText)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(destination[at..], (uint)ClipboardType.Utf8Text);
            at += 4;
        }

        return at;
    }
}
