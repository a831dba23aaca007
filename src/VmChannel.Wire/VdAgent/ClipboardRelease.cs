namespace VmChannel.Wire.VdAgent;

/// <summary>Payload of <see cref="MessageType.ClipboardRelease"/>: [selection], and nothing else.</summary>
/// <remarks>spice-protocol <c>vd_agent.h</c>. When its session ends, spice-vdagentd leaves the padding out.</remarks>
public readonly record struct ClipboardRelease(ClipboardSelection Selection)
{
    public static bool TryRead(ReadOnlySpan<byte> payload, AgentCapabilities shared, out ClipboardRelease release)
    {
        bool hasSelection = ClipboardPrefix.SizeFor(shared) > 0;
        release = new(hasSelection && payload.Length > 0 ? (ClipboardSelection)payload[0] : ClipboardSelection.Clipboard);
        return !hasSelection || payload.Length > 0;
    }

    /// <summary>Returns the bytes written.</summary>
    public int Write(Span<byte> destination, AgentCapabilities shared) => ClipboardPrefix.Write(destination, shared, Selection);
}
