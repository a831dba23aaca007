namespace VmChannel.Guest;

/// <summary>How one attempt to read or write ended.</summary>
internal enum IoOutcome
{
    /// <summary>Bytes were moved.</summary>
    Moved,

    /// <summary>Not now: a signal tells when.</summary>
    Wait,

    /// <summary>Not now, because the host's end is closed; all that it had sent has been read.</summary>
    HostClosed,

    /// <summary>The device is gone.</summary>
    Unplugged,
}
