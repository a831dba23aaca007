using System.Net.Security;
using System.Net.WebSockets;
using VmChannel.Device.Chardevs.Tls;
using VmChannel.Device.Chardevs.WebSockets;

namespace VmChannel.Device.Chardevs.Streams;

/// <summary>What lies between a TCP connection and a channel's bytes: TLS, then WebSocket, each if it was asked for. Pool threads.</summary>
internal sealed class StreamLayers(TlsLayer? tls, IWebSocketLayer? web)
{
    /// <exception cref="Channels.HostEndException">What it needs cannot be used.</exception>
    public void Start() => tls?.Start();

    /// <summary>Shakes hands, layer by layer.</summary>
    /// <param name="plain">The connection; owned from here on, also when this fails.</param>
    /// <param name="who">Who that is so far.</param>
    /// <param name="cancellation">It takes too long, or nobody waits any more.</param>
    public async Task<StreamPeer> ShakeHandsAsync(Stream plain, string who, CancellationToken cancellation)
    {
        Stream stream = plain;
        try
        {
            SslStream? secure = null;
            if (tls is not null)
            {
                (secure, string? name) = await tls.AuthenticateAsync(plain, cancellation);
                stream = secure;
                who = name is null ? who : $"{who}, certificate of {name}";
            }

            if (web is null)
            {
                return new StreamPeer(stream, who, secure is null ? null : secure.ShutdownAsync);
            }

            (WebSocket socket, Action? release) = await web.ShakeHandsAsync(stream, cancellation);
            return new StreamPeer(WebSocketStream.Create(socket, WebSocketMessageType.Binary, IWebSocketLayer.CloseTimeout), who, released: release);
        }
        catch
        {
            await stream.DisposeAsync();
            throw;
        }
    }
}
