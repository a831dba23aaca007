using VmChannel.Guest;

namespace VmChannel.GuestTool.Doctor;

/// <summary>A program that has a device open.</summary>
internal readonly record struct Holder(int Pid, string Program);

/// <summary>What was seen of one port's device.</summary>
/// <param name="State">As far as this user may know.</param>
/// <param name="IsDenied">This user may not open it.</param>
/// <param name="Group">The group it belongs to; null when unknown.</param>
/// <param name="Holders">Who has it open, as far as this user may know.</param>
internal sealed record NodeState(PortState State, bool IsDenied, uint? Group, IReadOnlyList<Holder> Holders);

/// <summary>What keeps links and rights in this guest.</summary>
/// <param name="IsRunning">udevd is.</param>
/// <param name="HasRule">Our rule is installed.</param>
/// <param name="HasTool">This program is where the rule calls it.</param>
internal readonly record struct UdevState(bool IsRunning, bool HasRule, bool HasTool);

/// <summary>Who asks.</summary>
/// <param name="Name">Name of the user.</param>
/// <param name="Groups">The groups of this session.</param>
internal sealed record UserState(string Name, IReadOnlyList<uint> Groups);

/// <summary>All that the diagnosis is made from.</summary>
internal sealed record GuestState
{
    /// <summary>How many virtio-serial devices the host has given to this guest.</summary>
    public required int Devices { get; init; }

    /// <summary>The kernel has their driver.</summary>
    public required bool HasDriver { get; init; }

    /// <summary>Ports and adapters in the order of their ids.</summary>
    public required IReadOnlyList<GuestPort> Ports { get; init; }

    /// <summary>What is at the places of links, from <see cref="DeviceLinks.Read"/>.</summary>
    public required IReadOnlyDictionary<string, PortId?> Links { get; init; }

    /// <summary>Of each port.</summary>
    public required IReadOnlyDictionary<PortId, NodeState> Nodes { get; init; }

    public required UdevState Udev { get; init; }

    /// <summary>Null when there is no such group.</summary>
    public required AccessGroup? Group { get; init; }

    public required UserState User { get; init; }
}
