namespace VmChannel.Device.Ports;

/// <summary>A port at one moment. Published as a whole on every change, so any thread may look without disturbing the loop.</summary>
public sealed record PortState
{
    public required PortSpec Spec { get; init; }

    /// <summary>Since when it is plugged into a device, UTC; null while it is not.</summary>
    public DateTimeOffset? PluggedSince { get; init; }

    /// <summary>Who carries it to a guest, when that is a connection of its own and somebody is there; null otherwise.</summary>
    public string? FrontEnd { get; init; }

    /// <summary>Its guest imports it over USB/IP, rather than have its VMM fetch it.</summary>
    public bool IsExported { get; init; }

    /// <summary>The driver has set it up.</summary>
    public bool IsReady { get; init; }

    /// <summary>The guest has been told its name.</summary>
    public bool IsNamed { get; init; }

    /// <summary>A program in the guest holds it open.</summary>
    public bool IsGuestOpen { get; init; }

    /// <summary>The guest closed it, and bytes it wrote before may still be on their way.</summary>
    public bool IsDraining { get; init; }

    /// <summary>How often the guest opened it.</summary>
    public long GuestGeneration { get; init; }

    /// <summary>Somebody takes the guest's bytes: the host end, or a client beside it.</summary>
    public bool IsHostOpen { get; init; }

    /// <summary>How often somebody came when nobody was there.</summary>
    public long HostGeneration { get; init; }

    /// <summary>What the guest is told of the host: a console, and a port that discards, may always be written to.</summary>
    public bool IsWritable { get; init; }

    /// <summary>Since when the host end takes less than the guest offers, UTC; null unless that has lasted for a second.</summary>
    public DateTimeOffset? ThrottledSince { get; init; }

    /// <summary>Since when bytes wait and none moved, UTC; null unless that has lasted for the stall time.</summary>
    public DateTimeOffset? StalledSince { get; init; }

    /// <summary>What they wait for.</summary>
    public StallReason Stall { get; init; }

    /// <summary>Since when somebody waits until the guest closes the port, UTC: it has it open for one who left (<c>on-guest-close=disconnect</c>). Null otherwise.</summary>
    public DateTimeOffset? AwaitsCloseSince { get; init; }

    /// <summary>Its queues do not run: the guest is paused, or its front-end is gone.</summary>
    public bool IsSuspended { get; init; }

    /// <summary>The host end, such as <c>unix:/run/fish.sock</c>.</summary>
    public required string HostEnd { get; init; }

    /// <summary>Who is there, or why nobody is; null when there is nothing to say.</summary>
    public string? HostDetail { get; init; }
}
