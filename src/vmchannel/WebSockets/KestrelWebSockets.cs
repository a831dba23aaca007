using System.Diagnostics.CodeAnalysis;
using System.Net.WebSockets;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using VmChannel.Device.Chardevs.WebSockets;

namespace VmChannel.Cli.WebSockets;

/// <summary>Lets Kestrel read the requests that WebSockets begin with, on connections that chardevs accepted.</summary>
/// <remarks>Kestrel listens nowhere and knows no certificates here: it is the HTTP between a connected stream and its WebSocket.</remarks>
[SuppressMessage("Design", "CA1001", Justification = "lives as long as the process")]
internal sealed class KestrelWebSockets : IWebSocketServer
{
    private readonly HandedConnections _connections = new();
    private readonly Lazy<Task> _start;

    private KestrelWebSockets() => _start = new Lazy<Task>(StartAsync);

    /// <summary>One for the process: begins with the first WebSocket that somebody asks for, and has no state of any port.</summary>
    public static KestrelWebSockets Shared { get; } = new();

    public async Task<AcceptedWebSocket> AcceptAsync(Stream connection, WebSocketSpec spec, CancellationToken cancellation)
    {
        await _start.Value;
        HandedConnection handed = new(connection, spec);
        await using CancellationTokenRegistration limit = cancellation.Register(handed.Abort);
        _connections.Add(handed);
        WebSocket socket = await handed.Socket;
        return new AcceptedWebSocket(socket, handed.Release);
    }

    private Task StartAsync()
    {
        KestrelServerOptions options = new() { AddServerHeader = false };
        options.Limits.MaxRequestHeadersTotalSize = 16 * 1024;
        options.Limits.MaxRequestHeaderCount = 64;

        // A WebSocket that nobody reads from is held back, not dropped: rates are the channel's business.
        options.Limits.MinRequestBodyDataRate = null;
        options.Limits.MinResponseDataRate = null;
        options.Listen(HandedConnections.EndPoint, listen => listen.Protocols = HttpProtocols.Http1);
        KestrelServer server = new(Options.Create(options), _connections, NullLoggerFactory.Instance);
        return server.StartAsync(new UpgradeApplication(), CancellationToken.None);
    }
}
