using System.Text.Json.Serialization;

namespace VmChannel.Control;

/// <summary>All that is known about a VM at one moment.</summary>
/// <param name="Vm">In a few words.</param>
/// <param name="Device">Its device.</param>
/// <param name="Ports">By number.</param>
/// <param name="FrontEnd">Its VMM as it talks to the device; null when none is connected.</param>
public sealed record VmInspection(VmInfo Vm, DeviceInfo Device, IReadOnlyList<PortInfo> Ports, FrontEndInfo? FrontEnd = null);

/// <summary>A virtio-serial device.</summary>
public sealed record DeviceInfo
{
    /// <summary>Ports the connected front-end can carry: numbers are below it.</summary>
    public int Room { get; init; }

    /// <summary>Features the driver acknowledged, by the specification's names; null when no driver did yet.</summary>
    public IReadOnlyList<string>? Features { get; init; }

    /// <summary>The driver took MULTIPORT: more than one port, with names.</summary>
    public bool IsMultiPort { get; init; }

    /// <summary>The driver said that it is ready.</summary>
    public bool IsDriverReady { get; init; }

    /// <summary>The driver said that it could not set the device up.</summary>
    public bool HasDriverFailed { get; init; }

    /// <summary>How the guest broke the device; null when it did not.</summary>
    public string? Fault { get; init; }

    /// <summary>Control messages that wait for the guest.</summary>
    public int ControlBacklog { get; init; }

    /// <summary>Kicks, control messages and so on since the start.</summary>
    public required DeviceCountersInfo Counters { get; init; }
}

/// <summary>What happened to a device since its server started.</summary>
public sealed record DeviceCountersInfo
{
    public long Kicks { get; init; }

    public long Calls { get; init; }

    public long SuppressedCalls { get; init; }

    public long ControlMessages { get; init; }

    public long BadControlMessages { get; init; }

    /// <summary>Requests of front-ends that were refused.</summary>
    public long RefusedRequests { get; init; }

    /// <summary>How often a driver started over.</summary>
    public long Resets { get; init; }

    /// <summary>Bytes of the guest that went with ports which were unplugged.</summary>
    public long LostBytes { get; init; }

    /// <summary>Front-ends that connected.</summary>
    public long FrontEnds { get; init; }
}

/// <summary>A VMM that is connected.</summary>
public sealed record FrontEndInfo
{
    public int Pid { get; init; }

    /// <summary>The process's name; null when it cannot be read.</summary>
    public string? Name { get; init; }

    /// <summary>Which program it is, by the way it talks: <c>qemu</c>, <c>uml</c>, <c>crosvm</c>, <c>cloud-hypervisor</c>, <c>libkrun</c>; null = unknown.</summary>
    public string? Kind { get; init; }

    public DateTimeOffset ConnectedSince { get; init; }

    /// <summary>vhost-user protocol features that were agreed on; null before.</summary>
    public IReadOnlyList<string>? ProtocolFeatures { get; init; }

    /// <summary>The device status the front-end told last; null when it tells none.</summary>
    public IReadOnlyList<string>? Status { get; init; }

    /// <summary>Mapped regions of the guest's memory.</summary>
    public int MemoryRegions { get; init; }

    public int QueuesOffered { get; init; }

    /// <summary>The last request that was refused, and why.</summary>
    public string? LastRefusal { get; init; }

    /// <summary>Why the guest's memory was refused, when it was.</summary>
    public string? MemoryRefusal { get; init; }

    /// <summary>Queues that are set up.</summary>
    public IReadOnlyList<QueueInfo> Queues { get; init; } = [];
}

/// <summary>A queue as the front-end set it up.</summary>
/// <param name="Index">0 and 1 are port 0's, 2 and 3 carry control messages, then two for each port.</param>
/// <param name="Size">Entries.</param>
/// <param name="IsRunning">The device works on it.</param>
/// <param name="Kick">How the guest tells the device.</param>
/// <param name="Call">How the device tells the guest.</param>
public sealed record QueueInfo(int Index, int Size, bool IsRunning, Notifier Kick, Notifier Call);

/// <summary>How one side of a queue tells the other.</summary>
[JsonConverter(typeof(KebabCase<Notifier>))]
public enum Notifier
{
    None,
    EventFd,
    Socket,
    InBand,
}
