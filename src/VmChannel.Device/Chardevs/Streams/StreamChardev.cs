using Microsoft.Extensions.Logging;
using VmChannel.Device.Channels;
using VmChannel.Device.Chardevs.Tls;
using VmChannel.Device.Chardevs.WebSockets;
using VmChannel.Device.Loop;

namespace VmChannel.Device.Chardevs.Streams;

/// <summary>Puts together the host end of a TCP chardev with TLS, WebSocket, or both.</summary>
internal static class StreamChardev
{
    /// <exception cref="HostEndException">It asks for a WebSocket server where there is none.</exception>
    public static StreamEnd Create(ChardevSpec.Tcp spec, DeviceLoop loop, ILogger log, IWebSocketServer? webSockets)
    {
        TlsLayer? tls = spec.Tls is null ? null : new TlsLayer(spec.Tls, spec.Address.Host, spec.IsServer, spec.ToString(), log);
        IWebSocketLayer? web = (spec.WebSocket, spec.IsServer) switch
        {
            (null, _) => null,
            (WebSocketSpec asked, false) => new WebSocketClientLayer(spec.Address, asked),
            (WebSocketSpec asked, true) => new WebSocketServerLayer(
                webSockets ?? throw new HostEndException($"{spec}: WebSocket servers are not served here"), asked),
        };
        StreamLayers layers = new(tls, web);
        IStreamSource source = spec.IsServer ? new StreamServer(spec, layers, log) : new StreamClient(spec, layers, log);
        return new StreamEnd(source, loop, log);
    }
}
