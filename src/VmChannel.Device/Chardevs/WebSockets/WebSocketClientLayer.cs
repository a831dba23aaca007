using System.Net.WebSockets;

namespace VmChannel.Device.Chardevs.WebSockets;

/// <summary>The side that asks for a WebSocket.</summary>
internal sealed class WebSocketClientLayer(TcpAddress address, WebSocketSpec spec) : IWebSocketLayer
{
    public async Task<AcceptedWebSocket> ShakeHandsAsync(Stream stream, CancellationToken cancellation)
    {
        // The connection is made, and its TLS done, before HTTP begins: so the address says ws in any case.
        using SocketsHttpHandler handler = new()
        {
            ConnectCallback = (_, _) => ValueTask.FromResult(stream),
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
        };
        using HttpMessageInvoker http = new(handler, disposeHandler: false);
        ClientWebSocket socket = new();
        try
        {
            socket.Options.AddSubProtocol(WebSocketSpec.Protocol);
            socket.Options.KeepAliveInterval = IWebSocketLayer.KeepAliveInterval;
            await socket.ConnectAsync(new Uri($"ws://{address}{spec.Path ?? "/"}"), http, cancellation);
            return new(socket, Release: null);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
