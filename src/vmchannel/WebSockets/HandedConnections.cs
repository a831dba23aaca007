using System.Net;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;

namespace VmChannel.Cli.WebSockets;

/// <summary>A transport of Kestrel's that connects nobody: connections are handed to it.</summary>
internal sealed class HandedConnections : IConnectionListenerFactory, IConnectionListener
{
    private readonly Channel<ConnectionContext> _handed = Channel.CreateUnbounded<ConnectionContext>();

    public static EndPoint EndPoint { get; } = new NoEndPoint();

    EndPoint IConnectionListener.EndPoint => EndPoint;

    public void Add(HandedConnection connection) => _ = _handed.Writer.TryWrite(connection);

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
        => ValueTask.FromResult<IConnectionListener>(this);

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
        => await _handed.Reader.WaitToReadAsync(cancellationToken) && _handed.Reader.TryRead(out ConnectionContext? connection) ? connection : null;

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        _ = _handed.Writer.TryComplete();
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync() => UnbindAsync();

    private sealed class NoEndPoint : EndPoint
    {
        public override string ToString() => "chardevs";
    }
}
