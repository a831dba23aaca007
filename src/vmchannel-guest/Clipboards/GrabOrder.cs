namespace VmChannel.GuestTool.Clipboards;

/// <summary>Decides who copied last when both sides grab a selection at the same moment: the host. Counts the grabs of one selection, of both sides.</summary>
/// <remarks>spice-protocol <c>vd_agent.h</c>, VD_AGENT_CAP_CLIPBOARD_GRAB_SERIAL: the count begins anew where the peer asks for capabilities.</remarks>
internal sealed class GrabOrder
{
    private uint _next;

    /// <summary>The number of a grab we make now.</summary>
    public uint Take() => unchecked(_next++);

    /// <summary>Counts a grab of the host. False when we grabbed more than once since the host heard of us: it will find out.</summary>
    public bool TryAccept(uint serial)
    {
        if (unchecked((int)(serial - (_next - 1))) < 0)
        {
            return false;
        }

        // Of two grabs with one number the host's counts, and is the same step.
        _next = unchecked(serial + 1);
        return true;
    }
}
