using System.Net.WebSockets;

namespace VmChannel.Device.Chardevs.WebSockets;

/// <summary>Answers the HTTP request that a WebSocket begins with. Implemented where an HTTP server is at hand: this project has none.</summary>
public interface IWebSocketServer
{
    /// <summary>Any thread: reads one request from a connection and answers it.</summary>
    /// <param name="connection">Owned from here on; releasing the socket closes it.</param>
    /// <param name="spec">What may be asked for, and by whom.</param>
    /// <param name="cancellation">It takes too long: the connection is closed.</param>
    /// <exception cref="WebSocketException">The request was refused, and told so; the message says why.</exception>
    Task<AcceptedWebSocket> AcceptAsync(Stream connection, WebSocketSpec spec, CancellationToken cancellation);
}
