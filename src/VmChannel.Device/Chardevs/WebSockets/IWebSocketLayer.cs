using System.Net.WebSockets;

namespace VmChannel.Device.Chardevs.WebSockets;

/// <summary>Makes a WebSocket of a connected stream: one class for each side. Pool threads.</summary>
internal interface IWebSocketLayer
{
    /// <summary>For the other side's answer to a close.</summary>
    static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(1);

    /// <summary>A connection that says nothing is kept alive in the eyes of those between with a pong in this interval.</summary>
    /// <remarks>Pings with a time limit are no use: the answer would wait behind bytes that the guest does not want yet.</remarks>
    static readonly TimeSpan KeepAliveInterval = TimeSpan.FromSeconds(20);

    /// <exception cref="WebSocketException">There will be none; the message says why.</exception>
    Task<AcceptedWebSocket> ShakeHandsAsync(Stream stream, CancellationToken cancellation);
}
