using System.Buffers.Binary;

namespace VmChannel.Wire.VdAgent;

/// <summary>Payload of <see cref="MessageType.ClipboardGrab"/>: [selection] [serial] type type …</summary>
/// <param name="Selection">Which clipboard.</param>
/// <param name="Serial">Grabs of this selection so far, of both sides; 0 unless both have GRAB_SERIAL.</param>
/// <param name="Types">What is offered, as far as it is known here.</param>
/// <remarks>spice-protocol <c>vd_agent.h</c>, <c>VDAgentClipboardGrab</c>; the order of the optional words as spice-vdagentd writes them.</remarks>
public readonly record struct ClipboardGrab(ClipboardSelection Selection, uint Serial, ClipboardTypes Types)
{
    /// <summary>Types looked at; six exist.</summary>
    public const int MaxTypes = 32;

    /// <summary>The most bytes <see cref="Write"/> fills.</summary>
    public const int MaxSize = ClipboardPrefix.Size + sizeof(uint) + (KnownTypes * sizeof(uint));

    private const int KnownTypes = (int)ClipboardType.FileList;

    /// <summary>UTF-8 text is among the offered types.</summary>
    public bool HasText => Types.Has(ClipboardType.Utf8Text);

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

        ClipboardTypes types = ClipboardTypes.None;
        for (int i = 0; i < MaxTypes && payload.Length >= 4; i++)
        {
            types |= ((ClipboardType)BinaryPrimitives.ReadUInt32LittleEndian(payload)).Only();
            payload = payload[4..];
        }

        grab = new(selection, serial, types);
        return true;
    }

    /// <summary>Writes the grab. Returns the bytes written.</summary>
    public int Write(Span<byte> destination, AgentCapabilities shared)
    {
        int at = ClipboardPrefix.Write(destination, shared, Selection);
        if (shared.HasFlag(AgentCapabilities.ClipboardGrabSerial))
        {
            BinaryPrimitives.WriteUInt32LittleEndian(destination[at..], Serial);
            at += 4;
        }

        for (ClipboardType type = ClipboardType.Utf8Text; type <= ClipboardType.FileList; type++)
        {
            if (Types.Has(type))
            {
                BinaryPrimitives.WriteUInt32LittleEndian(destination[at..], (uint)type);
                at += 4;
            }
        }

        return at;
    }
}
