using System.Net;
using Microsoft.AspNetCore.Connections;

namespace VmChannel.AspNetCore;

/// <summary>The connections of one protocol on a channel.</summary>
internal sealed class VmChannelListener(VmChannelEndPoint endPoint) : IConnectionListener
{
    private bool _isDisposed;

    public EndPoint EndPoint => endPoint;

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
        => await endPoint.Source.AcceptAsync(endPoint.Protocol, cancellationToken) is { } stream ? new VmChannelConnection(stream, endPoint) : null;

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        endPoint.Source.Unbind(endPoint.Protocol);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            endPoint.Source.Unbind(endPoint.Protocol);
            await endPoint.Source.ReleaseAsync();
        }
    }
}
