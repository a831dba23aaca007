using VmChannel.Wire.VhostUser;
using VmChannel.Wire.Virtio;

namespace VmChannel.Device.VirtioSerial;

/// <summary>A connected front-end, and what it has set up so far, at one moment.</summary>
public sealed record FrontEndState
{
    /// <summary>Process id; 0 when the system does not say.</summary>
    public int Pid { get; init; }

    /// <summary>The process's name as the kernel has it, 15 characters at most; null when it cannot be read.</summary>
    public string? Name { get; init; }

    /// <summary>Which program it is, by the way it talks, or else by its name.</summary>
    public FrontEndKind Kind { get; init; }

    /// <summary>UTC.</summary>
    public DateTimeOffset ConnectedSince { get; init; }

    /// <summary>Protocol features agreed on; null before.</summary>
    public ProtocolFeatures? ProtocolFeatures { get; init; }

    /// <summary>The device's status as the front-end last said it; null when it never does.</summary>
    public DeviceStatus? Status { get; init; }

    /// <summary>Queues the front-end named before its guest started; 0 when it names none then.</summary>
    public int QueuesNamed { get; init; }

    /// <summary>Queues the device offers.</summary>
    public int QueuesOffered { get; init; }

    /// <summary>Regions of guest memory that are mapped. A region that is not shared cannot be.</summary>
    public int MemoryRegions { get; init; }

    /// <summary>The guest's driver has set up a ring, in memory that may be missing.</summary>
    public bool HasRings { get; init; }

    /// <summary>Queues whose size is known.</summary>
    public IReadOnlyList<QueueState> Queues { get; init; } = [];

    /// <summary>The last request that was refused, and why; null when none was.</summary>
    public string? LastRefusal { get; init; }

    /// <summary>The last refusal of guest memory; null when none was, or memory came since.</summary>
    public string? MemoryRefusal { get; init; }
}

/// <summary>One queue as a front-end set it up.</summary>
/// <param name="Index">Its number.</param>
/// <param name="Size">Entries.</param>
/// <param name="IsRunning">The device works on it.</param>
/// <param name="Kick">How the guest tells the device.</param>
/// <param name="Call">How the device tells the guest.</param>
public sealed record QueueState(int Index, int Size, bool IsRunning, NotifierKind Kick, NotifierKind Call);

/// <summary>How one side of a queue tells the other.</summary>
public enum NotifierKind
{
    /// <summary>It does not: the other side has to look by itself.</summary>
    None,

    /// <summary>A write to an eventfd.</summary>
    EventFd,

    /// <summary>Eight bytes on a socket: UML.</summary>
    Socket,

    /// <summary>A vhost-user message.</summary>
    InBand,
}

/// <summary>Front-ends that are known.</summary>
public enum FrontEndKind
{
    Unknown,
    Qemu,
    Uml,
    Crosvm,
    CloudHypervisor,
    Libkrun,
}
