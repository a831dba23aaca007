using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using System.Net.WebSockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using VmChannel.Device.Chardevs.WebSockets;

namespace VmChannel.Cli.WebSockets;

/// <summary>A connected stream as Kestrel wants connections, and the WebSocket that becomes of it. Any thread.</summary>
[SuppressMessage("Usage", "CA2213", Justification = "an abort may come late, and it holds no handle")]
internal sealed class HandedConnection : ConnectionContext, IDuplexPipe
{
    private static long _count;

    private readonly Stream _stream;
    private readonly TaskCompletionSource<WebSocket> _socket = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _closed = new();

    public HandedConnection(Stream stream, WebSocketSpec spec)
    {
        _stream = stream;
        Spec = spec;
        Input = PipeReader.Create(stream, new StreamPipeReaderOptions(leaveOpen: true));
        Output = PipeWriter.Create(stream, new StreamPipeWriterOptions(leaveOpen: true));
        Transport = this;
        ConnectionClosed = _closed.Token;
        Features.Set(this);
    }

    public WebSocketSpec Spec { get; }

    /// <summary>The WebSocket; fails when the request was refused or made no sense.</summary>
    public Task<WebSocket> Socket => _socket.Task;

    /// <summary>Nobody uses the WebSocket any more.</summary>
    public Task Released => _released.Task;

    public PipeReader Input { get; }

    public PipeWriter Output { get; }

    public override string ConnectionId { get; set; } = $"{Interlocked.Increment(ref _count)}";

    public override IFeatureCollection Features { get; } = new FeatureCollection();

    public override IDictionary<object, object?> Items { get; set; } = new Dictionary<object, object?>();

    public override IDuplexPipe Transport { get; set; }

    public void Accept(WebSocket socket) => _socket.TrySetResult(socket);

    public void Refuse(string reason) => _socket.TrySetException(new WebSocketException(reason));

    public void Release() => _released.TrySetResult();

    public override void Abort() => Abort(new ConnectionAbortedException("it took too long"));

    public override void Abort(ConnectionAbortedException abortReason)
    {
        _closed.Cancel();
        Refuse(abortReason.Message);

        // Whoever waited for the WebSocket has gone, and cannot give it back.
        Release();
        _stream.Dispose();
    }

    public override async ValueTask DisposeAsync()
    {
        Refuse("it sent no request for a WebSocket");
        Release();
        await _stream.DisposeAsync();
        await base.DisposeAsync();
    }
}
