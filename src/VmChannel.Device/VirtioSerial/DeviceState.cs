using VmChannel.Wire.Virtio;

namespace VmChannel.Device.VirtioSerial;

/// <summary>A device at one moment, without its ports. Published as a whole when something changed; any thread may look.</summary>
public sealed record DeviceState
{
    /// <summary>When this was asked for, UTC.</summary>
    public DateTimeOffset At { get; init; }

    /// <summary>What carries its ports.</summary>
    public TransportKind Transport { get; init; }

    /// <summary>A front-end can come for it; otherwise nothing else here means anything.</summary>
    public bool IsOffered { get; init; } = true;

    /// <summary>Ports it was made with room for: numbers are below it.</summary>
    public int MaxPorts { get; init; }

    /// <summary>Ports the front-end that is there can carry: numbers are below it.</summary>
    public int Room { get; init; }

    /// <summary>Feature bits a driver acknowledged; null when none did yet.</summary>
    public ulong? Features { get; init; }

    /// <summary>The driver took MULTIPORT: it has more than one port, with names.</summary>
    public bool IsMultiPort => (Features & (ulong)ConsoleFeatures.MultiPort) > 0;

    /// <summary>A driver said DEVICE_READY, or one went on after hibernation.</summary>
    public bool IsDriverReady { get; init; }

    /// <summary>The driver said that it could not set the device up.</summary>
    public bool HasDriverFailed { get; init; }

    /// <summary>The queues do not run: no front-end is there, or its guest is paused.</summary>
    public bool IsSuspended { get; init; }

    /// <summary>The guest broke a ring: only a reset by its driver brings the device back.</summary>
    public bool IsBroken => Fault is not null;

    /// <summary>What it did; null while nothing is broken.</summary>
    public DeviceFault? Fault { get; init; }

    /// <summary>When drivers started over: the last few, oldest first, UTC.</summary>
    public IReadOnlyList<DateTimeOffset> RecentResets { get; init; } = [];

    /// <summary>The front-end that is connected; null when none is.</summary>
    public FrontEndState? FrontEnd { get; init; }

    /// <summary>The last front-end's connection ended then, UTC; null when none was there.</summary>
    public DateTimeOffset? FrontEndLeft { get; init; }

    /// <summary>Ports that the VMM refuses, by number, and why.</summary>
    public IReadOnlyDictionary<int, string> Obstacles { get; init; } = new Dictionary<int, string>();

    /// <summary>Counters, live.</summary>
    public required DeviceCounters Counters { get; init; }

    /// <summary>The acknowledged features by their names in the specification, bits without a name as <c>bit 40</c>.</summary>
    public IReadOnlyList<string> FeatureNames => VirtioSerial.FeatureNames.Of(Features ?? 0);
}

/// <summary>What carries the ports of a VM.</summary>
public enum TransportKind
{
    /// <summary>A device of our own, by vhost-user.</summary>
    VhostUser,

    /// <summary>QEMU's own virtio-serial, through its monitor.</summary>
    Qmp,

    /// <summary>Sockets that somebody else made, one per port.</summary>
    Sockets,
}

/// <summary>How a guest broke its device.</summary>
/// <param name="Queue">The queue.</param>
/// <param name="Reason">What was wrong with it, for people.</param>
public sealed record DeviceFault(int Queue, string Reason);
