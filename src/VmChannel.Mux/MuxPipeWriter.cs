using System.IO.Pipelines;

namespace VmChannel.Mux;

/// <summary>What a stream is to send; who writes more than the other end takes waits.</summary>
internal sealed class MuxPipeWriter(MuxStream stream) : PipeWriter
{
    private readonly PipeWriter _writer = stream.Written.Writer;

    public override bool CanGetUnflushedBytes => _writer.CanGetUnflushedBytes;

    public override long UnflushedBytes => _writer.UnflushedBytes;

    public override void Advance(int bytes) => _writer.Advance(bytes);

    public override Memory<byte> GetMemory(int sizeHint = 0) => _writer.GetMemory(sizeHint);

    public override Span<byte> GetSpan(int sizeHint = 0) => _writer.GetSpan(sizeHint);

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        ValueTask<FlushResult> flushing = _writer.FlushAsync(cancellationToken);
        stream.Outgoing.Queue();
        return flushing;
    }

    public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
    {
        ValueTask<FlushResult> flushing = _writer.WriteAsync(source, cancellationToken);
        stream.Outgoing.Queue();
        return flushing;
    }

    public override void CancelPendingFlush() => _writer.CancelPendingFlush();

    public override void Complete(Exception? exception = null)
    {
        if (exception is not null)
        {
            stream.Abort();
        }

        _writer.Complete();
        stream.Outgoing.Queue();
    }
}
