using System.Net.WebSockets;

namespace VmChannel.Device.Chardevs.WebSockets;

/// <summary>Makes a WebSocket of a connected stream: one class for each side. Pool threads.</summary>
internal interface IWebSocketLayer
{
    /// <summary>For the other side's answer to a close.</summary>
    static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(1);

    /// <summary>A connection that says nothing is asked after this time whether it lives, and has as long to answer.</summary>
    static readonly TimeSpan PingInterval = TimeSpan.FromSeconds(20);

    /// <exception cref="WebSocketException">There will be none; the message says why.</exception>
    Task<AcceptedWebSocket> ShakeHandsAsync(Stream stream, CancellationToken cancellation);
}
