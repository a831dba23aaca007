using System.Globalization;
using System.Net;
using System.Net.Sockets;
using VmChannel.Cli.CommandLine;

namespace VmChannel.Cli.Http;

/// <summary>Where <c>vmchannel forward</c> listens.</summary>
/// <param name="EndPoint">A TCP or unix address.</param>
/// <param name="SocketPath">Of a unix socket; else null.</param>
internal sealed record ForwardAddress(EndPoint EndPoint, string? SocketPath = null)
{
    private const string UnixPrefix = "unix:";

    /// <summary>Reads <c>8080</c>, <c>127.0.0.1:8080</c>, <c>[::1]:8080</c> or <c>unix:PATH</c>.</summary>
    /// <exception cref="UsageException">It is none of these.</exception>
    public static ForwardAddress Read(string text)
    {
        if (text.StartsWith(UnixPrefix, StringComparison.Ordinal))
        {
            string path = text[UnixPrefix.Length..];
            try
            {
                return new(new UnixDomainSocketEndPoint(path), path);
            }
            catch (ArgumentException)
            {
                throw new UsageException($"forward: {text}: a path of 1 to 107 bytes is needed");
            }
        }

        if (ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ushort port))
        {
            return new(new IPEndPoint(IPAddress.Loopback, port));
        }

        int colon = text.LastIndexOf(':');
        string host = colon <= 0 ? "" : text[..colon] == "localhost" ? "127.0.0.1" : text[..colon];
        return (host is ['[', .., ']'] || !host.Contains(':', StringComparison.Ordinal))
            && IPAddress.TryParse(host, out IPAddress? address)
            && ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out port)
            ? new(new IPEndPoint(address, port))
            : throw new UsageException($"forward: {text}: say where to listen, such as 8080, 127.0.0.1:8080, [::1]:8080 or unix:PATH");
    }
}
