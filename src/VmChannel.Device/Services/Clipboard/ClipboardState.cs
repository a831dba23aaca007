using VmChannel.Wire.VdAgent;

namespace VmChannel.Device.Services.Clipboard;

/// <summary>Who copied last.</summary>
internal enum ClipboardOwner
{
    /// <summary>Nobody: there is nothing to paste.</summary>
    Nobody,
    Host,
    Guest,
}

/// <summary>A selection at one moment.</summary>
/// <param name="Selection">Which.</param>
/// <param name="Owner">Whose data it is.</param>
/// <param name="Types">The forms in which it can be had.</param>
/// <param name="Change">How many changes of the channel's selections there were up to this one; 0 = none yet.</param>
internal readonly record struct ClipboardState(ClipboardSelection Selection, ClipboardOwner Owner, ClipboardTypes Types, long Change);
