using VmChannel.Wire.VdAgent;

namespace VmChannel.Device.Services.Clipboard;

/// <summary>Counts the grabs of each selection that we made or accepted, as spice-vdagentd does on its side.</summary>
/// <remarks>
/// A grab with a smaller number was made before the sender heard of ours, so it lost: the host wins ties. spice-vdagentd drops a grab whose
/// number is not the one it expects, so both sides must begin to count at the same place of the stream: where it takes our announcement.
/// </remarks>
internal sealed class GrabSerials
{
    private readonly uint[] _next = new uint[SharedClipboard.Selections];
    private readonly uint[] _ours = new uint[SharedClipboard.Selections];

    /// <summary>A selection there is.</summary>
    public static bool Has(ClipboardSelection selection) => (int)selection < SharedClipboard.Selections;

    /// <summary>The guest's agent has just begun, at 0.</summary>
    public void Reset()
    {
        _next.AsSpan().Clear();
        _ours.AsSpan().Clear();
    }

    /// <summary>The guest's agent answered our announcement: it began at 0 when that came, and has counted, or will, what we grabbed since.</summary>
    public void Settle() => _ours.CopyTo(_next, 0);

    /// <summary>The number of a grab we make now.</summary>
    public uint Take(ClipboardSelection selection)
    {
        unchecked
        {
            _ours[(int)selection]++;
            return _next[(int)selection]++;
        }
    }

    /// <summary>Counts a grab of the guest. False when it lost.</summary>
    public bool TryAccept(ClipboardSelection selection, uint serial)
    {
        ref uint next = ref _next[(int)selection];
        if (unchecked((int)(serial - next)) < 0)
        {
            return false;
        }

        // Ahead of us: the guest counted one we never saw. Following it beats a clipboard that is dead for ever.
        next = unchecked(serial + 1);
        return true;
    }
}
