namespace VmChannel.Device.Events;

/// <summary>What happened. <see cref="EventNames"/> has each kind's name on the wire; docs/events.md has the table.</summary>
public enum DeviceEventKind
{
    /// <summary>A port was plugged in.</summary>
    Plugged,

    /// <summary>A port was taken out.</summary>
    Unplugged,

    /// <summary>A port's host end, limits or policy were changed while it runs.</summary>
    Changed,

    /// <summary>The port does not fit into the queues the front-end has: the guest does not see it.</summary>
    NotCarried,

    /// <summary>The driver has set the port up.</summary>
    Ready,

    /// <summary>The driver could not set the port up.</summary>
    Failed,

    /// <summary>The guest was told the port's name.</summary>
    Named,

    /// <summary>A program in the guest opened the port.</summary>
    GuestOpened,

    /// <summary>The guest has the port open no longer.</summary>
    GuestClosed,

    /// <summary>The host end is there.</summary>
    HostOpened,

    /// <summary>The host end is gone.</summary>
    HostClosed,

    /// <summary>The host end, or a limit, has taken less than the guest offered, for a second or longer.</summary>
    Throttled,

    /// <summary>Everything the guest offered was taken again.</summary>
    Unthrottled,

    /// <summary>Bytes are waiting and none moved for the stall time.</summary>
    Stalled,

    /// <summary>Bytes moved again, or none wait any more.</summary>
    Recovered,

    /// <summary>The port's queues stopped: the guest is paused, or its front-end is gone.</summary>
    Suspended,

    /// <summary>The port's queues run again, with the same driver.</summary>
    Resumed,

    /// <summary>A client of a channel came.</summary>
    ClientConnected,

    /// <summary>A client of a channel left.</summary>
    ClientDisconnected,

    /// <summary>A client of a channel was thrown out.</summary>
    ClientDropped,

    /// <summary>A client became the one that takes the guest's bytes.</summary>
    ClientPromoted,

    /// <summary>A peer may not connect: a client of another user, a second front-end.</summary>
    PeerRefused,

    /// <summary>A front-end connected.</summary>
    FrontEndConnected,

    /// <summary>The front-end left.</summary>
    FrontEndDisconnected,

    /// <summary>The driver acknowledged features.</summary>
    FeaturesNegotiated,

    /// <summary>A driver is ready for ports.</summary>
    DriverReady,

    /// <summary>The driver could not set the device up.</summary>
    DriverFailed,

    /// <summary>The guest's driver started over.</summary>
    DriverReset,

    /// <summary>The guest broke a ring: the device stops until its driver resets it.</summary>
    DeviceBroken,
}
