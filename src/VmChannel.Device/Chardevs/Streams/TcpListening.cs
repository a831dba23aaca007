using System.Net;
using System.Net.Sockets;
using VmChannel.Device.Channels;

namespace VmChannel.Device.Chardevs.Streams;

/// <summary>A listening socket for async code.</summary>
internal static class TcpListening
{
    /// <param name="address">Where; a name is looked up, once, before anything is served.</param>
    /// <param name="backlog">Clients that may wait in the kernel.</param>
    /// <param name="description">For messages.</param>
    /// <exception cref="HostEndException">It cannot.</exception>
    public static Socket Open(TcpAddress address, int backlog, string description)
    {
        Socket? socket = null;
        try
        {
            IPAddress host = (address.Literal() ?? address.ResolveAsync().GetAwaiter().GetResult()) is [IPAddress first, ..]
                ? first
                : throw new HostEndException($"{description}: the host has no address of the allowed kind: look at ipv4= and ipv6=");
            bool isAny = address.Host.Length == 0 && address.UseIpv4;
            if (isAny && !Socket.OSSupportsIPv6)
            {
                host = IPAddress.Any;
            }

            socket = new Socket(host.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            if (host.AddressFamily == AddressFamily.InterNetworkV6)
            {
                socket.DualMode = isAny;
            }

            socket.Bind(new IPEndPoint(host, address.Port));
            socket.Listen(backlog);
            return socket;
        }
        catch (SocketException e)
        {
            socket?.Dispose();
            throw new HostEndException($"{description}: cannot listen: {e.Message}{Advice(e.SocketErrorCode)}", e);
        }
    }

    private static string Advice(SocketError error) => error switch
    {
        SocketError.AddressAlreadyInUse => ": stop the process that listens there or choose another port",
        SocketError.AddressNotAvailable => ": the host has to be an address of this machine",
        SocketError.AccessDenied => ": ports below 1024 need a privilege; choose a higher one",
        SocketError.HostNotFound => ": the host's name is not known",
        _ => "",
    };
}
