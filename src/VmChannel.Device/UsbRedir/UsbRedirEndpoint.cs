using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using VmChannel.Native;

namespace VmChannel.Device.UsbRedir;

/// <summary>Where a peer is met.</summary>
/// <param name="Unix">A unix socket, or else <paramref name="Tcp"/>.</param>
/// <param name="Tcp">A TCP address, or else <paramref name="Unix"/>.</param>
/// <param name="Connects">The peer listens and this side connects, again and again; otherwise the other way round.</param>
public sealed record UsbRedirEndpoint(UnixAddress? Unix, IPEndPoint? Tcp, bool Connects)
{
    private const string TcpPrefix = "tcp:";

    /// <summary>Reads a path, or <c>tcp:ADDRESS:PORT</c>.</summary>
    /// <param name="text">As a person wrote it.</param>
    /// <param name="connects">This side connects.</param>
    /// <param name="endpoint">Where.</param>
    /// <param name="reason">The rest of a sentence that begins with the text.</param>
    public static bool TryParse(string text, bool connects, [NotNullWhen(true)] out UsbRedirEndpoint? endpoint, [NotNullWhen(false)] out string? reason)
    {
        endpoint = null;
        if (text.StartsWith(TcpPrefix, StringComparison.Ordinal))
        {
            string address = text[TcpPrefix.Length..].Replace("localhost:", "127.0.0.1:", StringComparison.Ordinal);
            bool isAddress = IPEndPoint.TryParse(address, out IPEndPoint? tcp) && tcp.Port > 0;
            reason = isAddress ? null : "is not tcp:ADDRESS:PORT, such as tcp:127.0.0.1:4000";
            endpoint = isAddress ? new(null, tcp, connects) : null;
            return isAddress;
        }

        bool isPath = UnixAddress.TryCreate(text, isAbstract: false, isTight: true, out UnixAddress? unix, out reason);
        endpoint = isPath ? new(unix, null, connects) : null;
        return isPath;
    }

    public override string ToString() => Unix?.ToString() ?? string.Create(CultureInfo.InvariantCulture, $"{TcpPrefix}{Tcp}");
}
