namespace VmChannel.Device.Ports;

/// <summary>Why bytes of a port do not move.</summary>
public enum StallReason
{
    /// <summary>They do, or there are none.</summary>
    None,

    /// <summary>The guest's bytes wait for a host end: none is there.</summary>
    NoHostEnd,

    /// <summary>The guest's bytes wait for the host end, which is there and takes none.</summary>
    HostEndFull,

    /// <summary>Bytes for the guest wait: the port is open, and its driver has never posted a buffer.</summary>
    GuestPostedNoBuffers,

    /// <summary>Bytes for the guest wait: all its buffers are full, and whoever has the port open does not read.</summary>
    GuestNotReading,
}

/// <summary>The same for people and programs.</summary>
public static class StallReasons
{
    /// <summary>For the cause of an event, and for tables.</summary>
    public static string Describe(this StallReason reason) => reason switch
    {
        StallReason.NoHostEnd => "the guest's bytes wait, and no host end is there",
        StallReason.HostEndFull => "the guest's bytes wait, and the host end takes none",
        StallReason.GuestPostedNoBuffers => "bytes for the guest wait, and its driver posted no buffers",
        StallReason.GuestNotReading => "bytes for the guest wait, and the program that has the port open does not read",
        _ => "nothing waits",
    };
}
