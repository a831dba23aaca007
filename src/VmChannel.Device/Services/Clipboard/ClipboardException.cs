namespace VmChannel.Device.Services.Clipboard;

/// <summary>Why a clipboard does not give or take something.</summary>
internal enum ClipboardFault
{
    /// <summary>Nobody has it, or not in the form asked for, or not any more.</summary>
    NotThere,

    /// <summary>The channel's options forbid it.</summary>
    Forbidden,

    /// <summary>It is longer than <c>max-size=</c>.</summary>
    TooLong,

    /// <summary>The guest's agent does not answer, or has too much to answer already.</summary>
    NoAnswer,

    /// <summary>What is called text is no UTF-8.</summary>
    NotText,

    /// <summary>No agent of the guest is there to take it.</summary>
    NoAgent,

    /// <summary>The guest's agent does not take it, or failed with it.</summary>
    Refused,
}

/// <summary>A clipboard does not give or take something: the message says what, for people.</summary>
internal sealed class ClipboardException(ClipboardFault fault, string message) : IOException(message)
{
    public ClipboardFault Fault { get; } = fault;
}
