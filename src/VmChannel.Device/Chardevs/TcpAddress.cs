using System.Net;
using System.Net.Sockets;

namespace VmChannel.Device.Chardevs;

/// <summary>Where a TCP socket is, as a person wrote it.</summary>
/// <param name="Host">A name or an address; empty = every address of this machine, for a server.</param>
/// <param name="Port">0 lets the system choose, for a server.</param>
/// <param name="UseIpv4">IPv4 may be used.</param>
/// <param name="UseIpv6">IPv6 may be used.</param>
public sealed record TcpAddress(string Host, int Port, bool UseIpv4 = true, bool UseIpv6 = true)
{
    /// <summary>The addresses when no name has to be looked up; null when one has.</summary>
    public IPAddress[]? Literal()
        => Host.Length == 0 ? [UseIpv6 ? IPAddress.IPv6Any : IPAddress.Any]
        : IPAddress.TryParse(Host, out IPAddress? address) ? [address]
        : Host.Equals("localhost", StringComparison.OrdinalIgnoreCase) ? Allowed([IPAddress.Loopback, IPAddress.IPv6Loopback])
        : null;

    /// <summary>Looks the name up. Blocks nothing; completes on a pool thread.</summary>
    public async Task<IPAddress[]> ResolveAsync() => Allowed(await Dns.GetHostAddressesAsync(Host).ConfigureAwait(false));

    /// <summary><c>localhost:4444</c>, <c>[::1]:4444</c>.</summary>
    public override string ToString() => Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]:{Port}" : $"{Host}:{Port}";

    private IPAddress[] Allowed(IPAddress[] addresses)
        => [.. addresses.Where(address => address.AddressFamily == AddressFamily.InterNetworkV6 ? UseIpv6 : UseIpv4)];
}
