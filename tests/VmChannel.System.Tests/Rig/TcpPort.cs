using System.Net;
using System.Net.Sockets;

namespace VmChannel.SystemTests.Rig;

/// <summary>Ports of this machine's loopback.</summary>
internal static class TcpPort
{
    /// <summary>One that nobody listens on.</summary>
    public static int Free()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
