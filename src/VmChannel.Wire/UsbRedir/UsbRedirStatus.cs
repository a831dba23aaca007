namespace VmChannel.Wire.UsbRedir;

/// <summary>Outcome of a transfer or a request.</summary>
/// <remarks>usbredir protocol 0.7, <c>usb_redir_success</c> and those after it.</remarks>
public enum UsbRedirStatus : byte
{
    Success = 0,

    /// <summary>The guest gave it up.</summary>
    Cancelled = 1,

    /// <summary>Wrong type, length or endpoint.</summary>
    Invalid = 2,

    /// <summary>Something failed on the way.</summary>
    IoError = 3,

    /// <summary>The device refuses.</summary>
    Stall = 4,
    Timeout = 5,

    /// <summary>The device said more than it was asked for.</summary>
    Babble = 6,
}
