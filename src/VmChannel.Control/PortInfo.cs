using System.Text.Json.Serialization;

namespace VmChannel.Control;

/// <summary>A port and what serves it.</summary>
public sealed record PortInfo
{
    /// <summary>Its number in the guest.</summary>
    public required int Number { get; init; }

    /// <summary>Its name, such as <c>org.qemu.clipboard</c>; null for a console without one.</summary>
    public string? Protocol { get; init; }

    /// <summary>A terminal for the guest (hvc0) instead of a channel.</summary>
    public bool IsConsole { get; init; }

    /// <summary>What carries it to the guest.</summary>
    public PortTransport Transport { get; init; }

    /// <summary>The VMM's process that carries this one port, as for a USB adapter; null when none is connected, and where one carries the whole device.</summary>
    public string? FrontEnd { get; init; }

    /// <summary>Since when it is plugged in, UTC.</summary>
    public DateTimeOffset? PluggedSince { get; init; }

    /// <summary>The guest's driver has set it up.</summary>
    public bool IsReady { get; init; }

    /// <summary>The guest was told its name.</summary>
    public bool IsNamed { get; init; }

    /// <summary>A program in the guest has it open.</summary>
    public bool IsGuestOpen { get; init; }

    /// <summary>The guest closed it, and bytes it wrote before may still be on their way.</summary>
    public bool IsDraining { get; init; }

    /// <summary>How often the guest opened it.</summary>
    public long GuestGeneration { get; init; }

    /// <summary>Somebody takes the guest's bytes: the host end, or a client beside it.</summary>
    public bool IsHostOpen { get; init; }

    /// <summary>How often somebody came when nobody was there.</summary>
    public long HostGeneration { get; init; }

    /// <summary>Since when the host end, or a limit, takes less than the guest offers, UTC.</summary>
    public DateTimeOffset? ThrottledSince { get; init; }

    /// <summary>Since when bytes wait and none move, UTC.</summary>
    public DateTimeOffset? StalledSince { get; init; }

    /// <summary>What they wait for; null when nothing is stalled.</summary>
    public StallCause? Stall { get; init; }

    /// <summary>Its queues do not run: the guest is paused, or its VMM is gone.</summary>
    public bool IsSuspended { get; init; }

    /// <summary>What serves it, such as <c>unix:/run/fish.sock</c> or <c>service clipboard</c>.</summary>
    public required string HostEnd { get; init; }

    /// <summary>Who is there, or why nobody is.</summary>
    public string? HostDetail { get; init; }

    /// <summary>What happens to the guest's bytes while no host end is there.</summary>
    public OnDisconnect OnDisconnect { get; init; }

    /// <summary>What becomes of connections when the guest's program closes the port.</summary>
    public OnGuestClose OnGuestClose { get; init; }

    /// <summary>Limits and access.</summary>
    public required PortLimitsInfo Limits { get; init; }

    /// <summary>Those who are served or wait besides the host end, by age.</summary>
    public IReadOnlyList<ClientInfo> Clients { get; init; } = [];

    /// <summary>What went through it.</summary>
    public required PortCountersInfo Counters { get; init; }
}

/// <summary>What carries a port to its guest.</summary>
[JsonConverter(typeof(KebabCase<PortTransport>))]
public enum PortTransport
{
    /// <summary>A port of the VM's virtio-serial device.</summary>
    VirtioSerial,

    /// <summary>A USB serial adapter of its own.</summary>
    UsbSerial,
}

/// <summary>What a port may use, and what its clients may do.</summary>
/// <param name="BufferBytes">Kept for each client that follows without holding the channel.</param>
/// <param name="HistoryBytes">The guest's last bytes that a late client gets.</param>
/// <param name="Access">Which way bytes may go.</param>
/// <param name="BytesPerSecond">In each direction; null = unlimited.</param>
/// <param name="LogFile">A file that gets all the guest writes.</param>
public sealed record PortLimitsInfo(
    long BufferBytes, long HistoryBytes, ClientAccess Access, long? BytesPerSecond = null, string? LogFile = null);

/// <summary>What went through a port since it was plugged in. Bytes, unless said otherwise.</summary>
public sealed record PortCountersInfo
{
    /// <summary>Written by the guest and taken by the host end.</summary>
    public long FromGuestBytes { get; init; }

    /// <summary>Given to the guest.</summary>
    public long ToGuestBytes { get; init; }

    /// <summary>Buffers the guest wrote.</summary>
    public long FromGuestMessages { get; init; }

    /// <summary>Buffers of the guest that were filled.</summary>
    public long ToGuestMessages { get; init; }

    /// <summary>Written by the guest and dropped, because nobody was there to take it.</summary>
    public long DroppedBytes { get; init; }

    /// <summary>For the guest and dropped: it closed the port, or host end after host end was replaced, before it read them.</summary>
    public long DroppedToGuestBytes { get; init; }

    /// <summary>How often the guest told the device.</summary>
    public long Kicks { get; init; }

    /// <summary>How often the device told the guest.</summary>
    public long Calls { get; init; }

    /// <summary>How often it need not.</summary>
    public long SuppressedCalls { get; init; }

    /// <summary>How often a writer in the guest was woken that Linux may have forgotten.</summary>
    public long WakeNudges { get; init; }

    /// <summary>How often the host end, or a limit, began to take less than the guest offered.</summary>
    public long Throttles { get; init; }

    /// <summary>Milliseconds in which it did.</summary>
    public long ThrottledMilliseconds { get; init; }

    /// <summary>How often bytes waited and none moved.</summary>
    public long Stalls { get; init; }
}

/// <summary>What the bytes of a stalled port wait for.</summary>
[JsonConverter(typeof(KebabCase<StallCause>))]
public enum StallCause
{
    /// <summary>The guest's bytes: no host end is there.</summary>
    NoHostEnd,

    /// <summary>The guest's bytes: the host end is there and takes none.</summary>
    HostEndFull,

    /// <summary>The host's bytes: the guest's driver has never posted a buffer.</summary>
    GuestPostedNoBuffers,

    /// <summary>The host's bytes: whoever has the port open in the guest does not read.</summary>
    GuestNotReading,
}

/// <summary>What happens to the guest's bytes while no host end is there.</summary>
[JsonConverter(typeof(KebabCase<OnDisconnect>))]
public enum OnDisconnect
{
    /// <summary>The guest waits, and nothing is lost.</summary>
    Hold,

    /// <summary>They are dropped.</summary>
    Discard,
}

/// <summary>What becomes of connections when the guest's program closes the port.</summary>
[JsonConverter(typeof(KebabCase<OnGuestClose>))]
public enum OnGuestClose
{
    /// <summary>They stay, and go on with the next program that opens it.</summary>
    Keep,

    /// <summary>They end: each opening in the guest has a connection of its own.</summary>
    Disconnect,
}

/// <summary>What clients may do.</summary>
[JsonConverter(typeof(KebabCase<ClientAccess>))]
public enum ClientAccess
{
    ReadWrite,
    ReadOnly,
    WriteOnly,
}
