namespace VmChannel.Device.Ports;

/// <summary>What went through a port. Written on the loop thread; a reader elsewhere sees values that are a moment old.</summary>
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

    /// <summary>Bytes of the guest dropped because the port is writeonly.</summary>
    public long RefusedFromGuestBytes { get; set; }

    /// <summary>Bytes of clients dropped because the port is readonly.</summary>
    public long RefusedToGuestBytes { get; set; }

    /// <summary>Bytes that are missing in the log file, because it could not be written.</summary>
    public long UnloggedBytes { get; set; }
}
