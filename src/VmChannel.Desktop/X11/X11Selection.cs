using VmChannel.Wire.VdAgent;

namespace VmChannel.Desktop.X11;

/// <summary>One selection: who owns it, as far as the display has told. Under the clipboard's lock.</summary>
internal sealed class X11Selection(uint atom)
{
    public uint Atom { get; } = atom;

    /// <summary>Counts owners, so that what was learnt of one is not taken for another's.</summary>
    public int Owners { get; set; }

    /// <summary>The targets of a program's; null while they are not known, or it is ours.</summary>
    public byte[]? Targets { get; set; }

    /// <summary>What we offer; null when a program has copied since.</summary>
    public X11Offer? Offer { get; set; }
}

/// <summary>What we offer.</summary>
/// <param name="Types">In which forms.</param>
/// <param name="Fetch">Gets it.</param>
internal sealed record X11Offer(ClipboardTypes Types, Func<ClipboardType, Task<byte[]?>> Fetch)
{
    /// <summary>Number of the request that took the selection: who owned it before that is no news.</summary>
    public long Request { get; set; }

    /// <summary>When it became ours, in the display's time; 0 while that is not known.</summary>
    public uint Time { get; set; }
}
