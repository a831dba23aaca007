using System.Diagnostics.CodeAnalysis;
using System.Net;

namespace VmChannel.Device.UsbIp;

/// <summary>Where USB/IP clients connect.</summary>
/// <param name="Address">Port 0 lets the system choose.</param>
public sealed record UsbIpEndpoint(IPEndPoint Address)
{
    /// <summary>The port that clients expect.</summary>
    public const int DefaultPort = 3240;

    /// <summary>Only this machine reaches it, and guests whose network leads to its loopback.</summary>
    public bool IsLoopback => IPAddress.IsLoopback(Address.Address);

    /// <summary>Reads <c>ADDRESS[:PORT]</c>; an IPv6 address with a port is in brackets.</summary>
    /// <param name="text">As a person wrote it.</param>
    /// <param name="isOpen">Addresses that other machines reach are welcome.</param>
    /// <param name="endpoint">Where.</param>
    /// <param name="reason">The rest of a sentence that begins with the text.</param>
    public static bool TryParse(string text, bool isOpen, [NotNullWhen(true)] out UsbIpEndpoint? endpoint, [NotNullWhen(false)] out string? reason)
    {
        const string Name = "localhost";
        string numeric = text == Name || text.StartsWith($"{Name}:", StringComparison.Ordinal) ? $"{IPAddress.Loopback}{text[Name.Length..]}" : text;
        endpoint = null;
        if (IPEndPoint.TryParse(numeric, out IPEndPoint? address))
        {
            // An IPv6 address has colons of its own.
            bool hasPort = numeric.AsSpan().Count(':') == 1 || numeric.Contains("]:", StringComparison.Ordinal);
            endpoint = new(hasPort ? address : new IPEndPoint(address.Address, DefaultPort));
        }

        reason = endpoint is null ? "is not ADDRESS:PORT, such as 127.0.0.1:3240"
            : !endpoint.IsLoopback && !isOpen ? "is reached by other machines, and USB/IP has neither passwords nor encryption: choose 127.0.0.1, or say --usbip-open as well"
            : null;
        return reason is null;
    }

    public override string ToString() => Address.ToString();
}
