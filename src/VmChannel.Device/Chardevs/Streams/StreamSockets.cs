using System.Net.Sockets;

namespace VmChannel.Device.Chardevs.Streams;

/// <summary>What every connected socket of a stream chardev is set to.</summary>
internal static class StreamSockets
{
    private const int IdleSeconds = 30;
    private const int ProbeSeconds = 5;
    private const int Probes = 5;

    /// <summary>Prepares a socket; a peer that vanished is noticed within a minute, also by who only waits for it.</summary>
    public static void Prepare(Socket socket, bool noDelay)
    {
        socket.NoDelay = noDelay;
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, IdleSeconds);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, ProbeSeconds);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, Probes);
    }
}
