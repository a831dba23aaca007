using VmChannel.Device.Channels;
using VmChannel.Device.Chardevs;
using VmChannel.Device.Ports;
using VmChannel.Wire;

namespace VmChannel.Device.Options;

/// <summary>A port as somebody asked for it, before it has its number.</summary>
/// <param name="Origin">The option it came from, for messages: <c>-virtioserial port=4,…</c>.</param>
/// <param name="IsConsole">An hvc terminal for the guest.</param>
/// <param name="Number">Null = the lowest free one.</param>
/// <param name="Protocol">Null only for a console.</param>
/// <param name="Chardev">A chardev serves it; null = a service.</param>
/// <param name="Service">A service that was named; null with no chardev = the one built in for the protocol.</param>
/// <param name="ServiceOptions">Options of that service.</param>
/// <param name="OnDisconnect">What happens while no host end is there.</param>
public sealed record PortRequest(
    string Origin,
    bool IsConsole,
    int? Number,
    ProtocolName? Protocol,
    ChardevSpec? Chardev,
    string? Service,
    IReadOnlyDictionary<string, string> ServiceOptions,
    DisconnectPolicy OnDisconnect)
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
}
