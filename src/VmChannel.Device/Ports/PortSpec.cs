using VmChannel.Device.Channels;

namespace VmChannel.Device.Ports;

/// <summary>A port as it was asked for, after its number is known.</summary>
/// <param name="Number">0 is the console's; others count from 1.</param>
/// <param name="Protocol">Reverse FQDN the guest finds the channel by; null for a console without a name.</param>
/// <param name="IsConsole">The guest gets an hvc terminal instead of a vport.</param>
/// <param name="OnDisconnect">What happens while no host end is there.</param>
public sealed record PortSpec(int Number, string? Protocol, bool IsConsole = false, DisconnectPolicy OnDisconnect = DisconnectPolicy.Hold)
{
    /// <summary>What becomes of the host's connection when the guest's program closes the port.</summary>
    public GuestClosePolicy OnGuestClose { get; init; }

    /// <summary>What carries it.</summary>
    public PortTransport Transport { get; init; }

    /// <summary>What a USB adapter is to the guest's drivers.</summary>
    public UsbAdapterKind Adapter { get; init; }

    /// <summary>How much it may use, and who may write.</summary>
    public PortLimits Limits { get; init; } = PortLimits.Default;

    /// <summary>Where everything the guest writes is kept, or null.</summary>
    public LogFileSpec? LogFile { get; init; }

    /// <summary>For messages: <c>port 4 (org.qemu.clipboard)</c>.</summary>
    public override string ToString() => Protocol is null ? $"port {Number}" : $"port {Number} ({Protocol})";
}
