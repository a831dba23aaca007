using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace VmChannel.Testing;

/// <summary>Ports of this machine's loopback.</summary>
/// <remarks>
/// Those that the kernel gives to whoever asks for any are not among them (ip_local_port_range): one of these may be a connection's of a test beside by the
/// time that a server is to listen, and who connects to one before may meet himself, as both ends of one connection (RFC 9293, 3.5: simultaneous opening).
/// </remarks>
public static class TcpPort
{
    private static readonly int End =
        int.Parse(File.ReadAllText("/proc/sys/net/ipv4/ip_local_port_range").Split('\t', ' ')[0], CultureInfo.InvariantCulture);

    private static readonly int First = Math.Max(1024, End - 20_000);
    private static int _last = Environment.ProcessId;

    /// <summary>One that nobody listens on, and that is given once.</summary>
    public static int Free()
    {
        while (true)
        {
            int port = First + (Interlocked.Increment(ref _last) % (End - First));
            using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
                return port;
            }
            catch (SocketException)
            {
                // Somebody else's.
            }
        }
    }
}
