namespace VmChannel.Wire.VdAgent;

/// <summary>Which of X11's clipboards a message is about; other desktops have only the first.</summary>
/// <remarks>spice-protocol <c>vd_agent.h</c>, VD_AGENT_CLIPBOARD_SELECTION_*. A peer may send any value.</remarks>
public enum ClipboardSelection : byte
{
    /// <summary>What copy and paste use.</summary>
    Clipboard = 0,

    /// <summary>What was last marked with the mouse.</summary>
    Primary = 1,

    Secondary = 2,
}

/// <summary>The word before every clipboard payload when both sides have <see cref="AgentCapabilities.ClipboardSelection"/>.</summary>
public static class ClipboardPrefix
{
    /// <summary>One byte selection and three of padding.</summary>
    public const int Size = 4;

    /// <summary>Bytes the prefix takes: none unless <paramref name="capabilities"/> are shared ones that have it.</summary>
    public static int SizeFor(AgentCapabilities capabilities) => capabilities.HasFlag(AgentCapabilities.ClipboardSelection) ? Size : 0;

    /// <summary>Takes the prefix off a payload; without one the selection is the clipboard. False when it is cut short.</summary>
    public static bool TryTake(ref ReadOnlySpan<byte> payload, AgentCapabilities capabilities, out ClipboardSelection selection)
    {
        selection = ClipboardSelection.Clipboard;
        int bytes = SizeFor(capabilities);
        if (payload.Length < bytes)
        {
            return false;
        }

        if (bytes > 0)
        {
            selection = (ClipboardSelection)payload[0];
            payload = payload[bytes..];
        }

        return true;
    }

    /// <summary>Writes the prefix if there is one. Returns the bytes written.</summary>
    public static int Write(Span<byte> destination, AgentCapabilities capabilities, ClipboardSelection selection)
    {
        int bytes = SizeFor(capabilities);
        destination[..bytes].Clear();
        if (bytes > 0)
        {
            destination[0] = (byte)selection;
        }

        return bytes;
    }
}
