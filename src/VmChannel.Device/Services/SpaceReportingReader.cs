using System.Buffers;
using System.IO.Pipelines;

namespace VmChannel.Device.Services;

/// <summary>A pipe's reader that reports how many bytes each advance consumed, for a writer that counts what is held.</summary>
internal sealed class SpaceReportingReader(PipeReader inner, Action<long> consumed) : PipeReader
{
    private ReadOnlySequence<byte> _last;

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        long bytes = _last.Slice(0, consumed).Length;
        _last = default;
        inner.AdvanceTo(consumed, examined);
        Report(bytes);
    }

    public override void CancelPendingRead() => inner.CancelPendingRead();

    public override void Complete(Exception? exception = null) => inner.Complete(exception);

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        ValueTask<ReadResult> read = inner.ReadAsync(cancellationToken);
        return read.IsCompletedSuccessfully ? new(Remember(read.Result)) : WaitAsync(read);
    }

    public override bool TryRead(out ReadResult result)
    {
        bool isReady = inner.TryRead(out result);
        return isReady && Remember(result).Buffer.Length >= 0;
    }

    private void Report(long bytes)
    {
        if (bytes > 0)
        {
            consumed(bytes);
        }
    }

    [System.Runtime.CompilerServices.AsyncMethodBuilder(typeof(System.Runtime.CompilerServices.PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReadResult> WaitAsync(ValueTask<ReadResult> read) => Remember(await read);

    private ReadResult Remember(in ReadResult result)
    {
        _last = result.Buffer;
        return result;
    }
}
