using Microsoft.AspNetCore.Connections;
using VmChannel.Mux;

namespace VmChannel.AspNetCore;

/// <summary>A stream as Kestrel's connection.</summary>
internal sealed class VmChannelConnection : DefaultConnectionContext
{
    private readonly MuxStream _stream;
    private readonly CancellationTokenSource _closed = new();

    public VmChannelConnection(MuxStream stream, VmChannelEndPoint endPoint)
        : base($"{endPoint.Name}:{stream.Id}", stream.AsPipe(), stream.AsPipe())
    {
        _stream = stream;
        LocalEndPoint = endPoint;
        RemoteEndPoint = endPoint;
        ConnectionClosed = _closed.Token;
        _ = CloseAsync();
    }

    public override void Abort(ConnectionAbortedException abortReason) => _stream.Abort();

    public override async ValueTask DisposeAsync()
    {
        await _stream.DisposeAsync();
        await base.DisposeAsync();
    }

    /// <summary>As with sockets: the other end has no more to send.</summary>
    private async Task CloseAsync()
    {
        await _stream.InputEnded;
        await _closed.CancelAsync();
        _closed.Dispose();
    }
}
