namespace VmChannel.Guest;

/// <summary>A channel of this machine, as it was when it was looked at.</summary>
public sealed record ChannelInfo
{
    /// <summary>Protocol name, such as <c>org.example.log</c>.</summary>
    public required string Name { get; init; }

    /// <summary>What carries it.</summary>
    public required ChannelTransport Transport { get; init; }

    /// <summary>Path of the device node, or of the socket.</summary>
    public required string DevicePath { get; init; }

    /// <summary>The link to it below <c>/dev/vmchannel</c>; null when neither udev nor <c>vmchannel-guest watch</c> has made one.</summary>
    public string? Link { get; init; }

    /// <summary>Number of the port on its virtio-serial device; null on other transports.</summary>
    public uint? PortNumber { get; init; }

    /// <summary>A program of this machine has it open; null when unknown, which it is to other programs than root's.</summary>
    public bool? GuestOpen { get; init; }

    /// <summary>The host's end is open; null when unknown, which it is unless this process has the channel open or is root's.</summary>
    public bool? HostOpen { get; init; }
}
