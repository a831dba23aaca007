namespace VmChannel.Device.Channels;

/// <summary>One of those a channel is served by, and how far in the guest's stream it has got. Loop thread only.</summary>
internal sealed class Client(int id, HostEnd end, ClientAccess access, HostEnd? origin, bool untilGuestCloses = false)
{
    public int Id => id;

    public HostEnd End => end;

    public ClientAccess Access => access;

    /// <summary>The host end it came through; null when it was attached by itself.</summary>
    public HostEnd? Origin => origin;

    /// <summary>It leaves when the guest closes the port, whatever holds for the others.</summary>
    public bool UntilGuestCloses => untilGuestCloses;

    /// <summary>Where in the guest's stream the opening ended that it belongs to: it gets nothing behind that. Null while it lasts.</summary>
    public long? EndsAt { get; set; }

    /// <summary>Its opening has ended, and it got everything.</summary>
    public bool HasAll => EndsAt is long end && Position >= end;

    /// <summary>Why it ended, for people.</summary>
    public string? EndReason { get; set; }

    public DateTimeOffset Since { get; } = DateTimeOffset.UtcNow;

    public ClientCounters Counters { get; } = new();

    /// <summary>It was open when the audience last looked.</summary>
    public bool IsPresent { get; set; }

    /// <summary>Its turn has come: the guest's bytes go to it, and its own are read.</summary>
    public bool IsServed { get; set; }

    /// <summary>It takes nothing more, but keeps its seat until the guest has read what it sent: there was no room for that elsewhere.</summary>
    public bool IsLeaving { get; set; }

    /// <summary>Bytes of the guest's stream before the next one it wants.</summary>
    public long Position { get; set; }
}
