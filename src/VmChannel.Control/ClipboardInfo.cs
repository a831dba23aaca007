using System.Text.Json.Serialization;

namespace VmChannel.Control;

/// <summary>What is on one of a guest's clipboards.</summary>
/// <param name="Selection">Which.</param>
/// <param name="Owner">Who copied last.</param>
/// <param name="Types">The forms in which it can be had, the preferred first: <c>text</c>, <c>png</c>, <c>bmp</c>, <c>tiff</c>, <c>jpeg</c>; a newer server may know more.</param>
/// <param name="Change">How many changes of this channel's selections there were, up to the last of this one; 0 = none yet.</param>
public sealed record ClipboardInfo(ClipboardSelection Selection, ClipboardOwner Owner, IReadOnlyList<string> Types, long Change);

/// <summary>A file that a guest has got.</summary>
/// <param name="Name">What it was called on the host; the guest's agent may have called it otherwise when that name was taken.</param>
/// <param name="Bytes">Its length.</param>
public sealed record SentFile(string Name, long Bytes);

/// <summary>One of X11's clipboards; other desktops have only the first.</summary>
[JsonConverter(typeof(KebabCase<ClipboardSelection>))]
public enum ClipboardSelection
{
    /// <summary>What copy and paste use.</summary>
    Clipboard,

    /// <summary>What was last marked with the mouse.</summary>
    Primary,

    /// <summary>Hardly any program uses it.</summary>
    Secondary,
}

/// <summary>Who copied last.</summary>
[JsonConverter(typeof(KebabCase<ClipboardOwner>))]
public enum ClipboardOwner
{
    /// <summary>Nobody: there is nothing to paste.</summary>
    Nobody,

    /// <summary>A program on the host, through this API or the channel's options.</summary>
    Host,

    /// <summary>A program in the guest.</summary>
    Guest,
}
