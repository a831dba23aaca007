namespace VmChannel.Device.Ports;

/// <summary>What went through a port since it was made.</summary>
/// <remarks>
/// Written on the loop thread alone. Any thread may read: on the 64-bit machines this runs on a long is read in one
/// piece, so each value is a moment old at most, though two values may be of different moments.
/// </remarks>
public sealed class PortCounters
{
    /// <summary>Bytes the guest wrote that the host end took.</summary>
    public long FromGuestBytes { get; set; }

    /// <summary>Bytes given to the guest.</summary>
    public long ToGuestBytes { get; set; }

    /// <summary>Buffers the guest wrote.</summary>
    public long FromGuestMessages { get; set; }

    /// <summary>Buffers of the guest that were filled.</summary>
    public long ToGuestMessages { get; set; }

    /// <summary>Redundant PORT_OPEN messages sent to wake a writer that Linux may have forgotten.</summary>
    public long WakeNudges { get; set; }

    /// <summary>Kicks: how often the guest's driver told that there is something on the port's queues.</summary>
    public long Kicks { get; set; }

    /// <summary>Calls: how often the driver was told that buffers came back.</summary>
    public long Calls { get; set; }

    /// <summary>Calls the driver did not want.</summary>
    public long SuppressedCalls { get; set; }

    /// <summary>How often the host end began to take less than it was offered.</summary>
    public long Throttles { get; set; }

    /// <summary>Milliseconds in which it did so; a period that still lasts is not in it.</summary>
    public long ThrottledMilliseconds { get; set; }

    /// <summary>How often bytes stalled.</summary>
    public long Stalls { get; set; }

    /// <summary>Bytes of the guest dropped because the port is writeonly.</summary>
    public long RefusedFromGuestBytes { get; set; }

    /// <summary>Bytes of clients dropped because the port is readonly.</summary>
    public long RefusedToGuestBytes { get; set; }

    /// <summary>Bytes for the guest that were dropped: it closed the port, or host end after host end was replaced, before it read them.</summary>
    public long LostToGuestBytes { get; set; }

    /// <summary>Bytes that are missing in the log file, because it could not be written.</summary>
    public long UnloggedBytes { get; set; }
}
