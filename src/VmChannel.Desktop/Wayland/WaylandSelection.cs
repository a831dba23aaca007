using VmChannel.Wire.VdAgent;

namespace VmChannel.Desktop.Wayland;

/// <summary>One selection: what is offered there, as far as the compositor has told. Under the clipboard's lock.</summary>
internal sealed class WaylandSelection
{
    /// <summary>What the compositor says is there: ours too, which bears our mark.</summary>
    public WaylandOffer? Current { get; set; }

    /// <summary>What we offer; null when a program has copied since.</summary>
    public WaylandSource? Source { get; set; }

    /// <summary>The callback that comes when our last change is done: whatever is told before it is old. 0 = none is under way.</summary>
    public uint Settling { get; set; }

    /// <summary>Somebody else's, when that is what counts.</summary>
    public WaylandOffer? Theirs => Settling == 0 && Current is { IsOurs: false } theirs ? theirs : null;
}

/// <summary>Something that is offered on the desktop.</summary>
internal sealed class WaylandOffer(uint id)
{
    public uint Id { get; } = id;

    public bool IsOurs { get; set; }

    /// <summary>The media types of it that we know.</summary>
    public HashSet<string> MediaTypes { get; } = new(StringComparer.Ordinal);
}

/// <summary>What we offer.</summary>
/// <param name="Id">The compositor's name for it.</param>
/// <param name="Types">In which forms.</param>
/// <param name="Fetch">Gets it.</param>
internal sealed record WaylandSource(uint Id, ClipboardTypes Types, Func<ClipboardType, Task<byte[]?>> Fetch);
