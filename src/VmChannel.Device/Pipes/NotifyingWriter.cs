using System.IO.Pipelines;

namespace VmChannel.Device.Pipes;

/// <summary>A pipe's writer that reports each flush, for a reader that looks only when told to.</summary>
internal sealed class NotifyingWriter(PipeWriter inner, Action flushed) : PipeWriter
{
    public override bool CanGetUnflushedBytes => inner.CanGetUnflushedBytes;

    public override long UnflushedBytes => inner.UnflushedBytes;

    public override void Advance(int bytes) => inner.Advance(bytes);

    public override Memory<byte> GetMemory(int sizeHint = 0) => inner.GetMemory(sizeHint);

    public override Span<byte> GetSpan(int sizeHint = 0) => inner.GetSpan(sizeHint);

    public override void CancelPendingFlush() => inner.CancelPendingFlush();

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        ValueTask<FlushResult> flush = inner.FlushAsync(cancellationToken);
        flushed();
        return flush;
    }

    public override void Complete(Exception? exception = null)
    {
        inner.Complete(exception);
        flushed();
    }
}
