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
}
