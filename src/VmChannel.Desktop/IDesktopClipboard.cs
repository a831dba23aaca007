using VmChannel.Wire.VdAgent;

namespace VmChannel.Desktop;

/// <summary>The clipboards of a desktop: its programs' side. Any thread.</summary>
/// <remarks>Only <see cref="ClipboardSelection.Clipboard"/> and <see cref="ClipboardSelection.Primary"/> are there, and types with data.</remarks>
internal interface IDesktopClipboard : IDisposable
{
    /// <summary>A program of the desktop copied, or what it had copied is gone: <see cref="TypesOf"/> tells. What we offer is not told of.</summary>
    event Action<ClipboardSelection>? Copied;

    /// <summary>Completes when the desktop has gone, with the reason.</summary>
    Task<string> Gone { get; }

    /// <summary>What a program of the desktop has copied; none when nobody has, or when it is ours.</summary>
    ClipboardTypes TypesOf(ClipboardSelection selection);

    /// <summary>Copies, in place of whatever was there: programs of the desktop can paste it from now on.</summary>
    /// <param name="selection">Where.</param>
    /// <param name="types">Its forms.</param>
    /// <param name="fetch">Gets it in one form when somebody pastes; null, or an <see cref="IOException"/> = it cannot be had.</param>
    void Offer(ClipboardSelection selection, ClipboardTypes types, Func<ClipboardType, Task<byte[]?>> fetch);

    /// <summary>Takes back what is offered; what a program has copied since stays.</summary>
    void Withdraw(ClipboardSelection selection);

    /// <summary>Pastes what a program of the desktop has copied.</summary>
    /// <param name="selection">From where.</param>
    /// <param name="type">In which form.</param>
    /// <param name="maxBytes">More is not taken.</param>
    /// <returns>Null: nobody has it in this form, or it is longer, or whoever has it gives no answer.</returns>
    Task<byte[]?> ReadAsync(ClipboardSelection selection, ClipboardType type, int maxBytes);
}
