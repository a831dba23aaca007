namespace VmChannel.Device.VirtioSerial;

/// <summary>What happened to a device since it was made.</summary>
/// <remarks>As for ports: written on the loop thread, read by any; each value is a moment old at most.</remarks>
public sealed class DeviceCounters
{
    /// <summary>Kicks on all queues.</summary>
    public long Kicks { get; set; }

    /// <summary>Calls on the queues of ports.</summary>
    public long Calls { get; set; }

    /// <summary>Calls on the queues of ports that the driver did not want.</summary>
    public long SuppressedCalls { get; set; }

    /// <summary>Control messages of the guest.</summary>
    public long ControlMessages { get; set; }

    /// <summary>Control messages that made no sense: too short, or for a port that is not there.</summary>
    public long BadControlMessages { get; set; }

    /// <summary>Control messages that wait for buffers of the guest now.</summary>
    public int ControlBacklog { get; set; }

    /// <summary>Requests of front-ends that were refused.</summary>
    public long RefusedRequests { get; set; }

    /// <summary>How often a driver started over.</summary>
    public long Resets { get; set; }

    /// <summary>Bytes in buffers that the guest wrote to ports which were unplugged first; of a buffer that was half delivered, all.</summary>
    public long LostBytes { get; set; }

    /// <summary>Front-ends that connected.</summary>
    public long FrontEnds { get; set; }
}
