namespace VmChannel.Device.Chardevs.WebSockets;

/// <summary>The side that is asked for a WebSocket.</summary>
internal sealed class WebSocketServerLayer(IWebSocketServer server, WebSocketSpec spec) : IWebSocketLayer
{
    public Task<AcceptedWebSocket> ShakeHandsAsync(Stream stream, CancellationToken cancellation) => server.AcceptAsync(stream, spec, cancellation);
}
