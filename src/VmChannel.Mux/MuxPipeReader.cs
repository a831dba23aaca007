using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace VmChannel.Mux;

/// <summary>What a stream received; what is consumed of it, the other end may send anew.</summary>
internal sealed class MuxPipeReader(MuxStream stream) : PipeReader
{
    private readonly PipeReader _reader = stream.Received.Reader;
    private ReadOnlySequence<byte> _lent;

    public override bool TryRead(out ReadResult result)
    {
        bool isRead = _reader.TryRead(out result);
        _lent = result.Buffer;
        return isRead;
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        ValueTask<ReadResult> reading = _reader.ReadAsync(cancellationToken);
        return reading.IsCompletedSuccessfully ? new(Lend(reading.Result)) : WaitAsync(reading);
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        // Before the memory is given back: positions mean nothing afterwards.
        long count = _lent.IsEmpty ? 0 : _lent.Slice(_lent.Start, consumed).Length;
        _lent = default;
        _reader.AdvanceTo(consumed, examined);
        stream.Intake.Consume(count);
    }

    public override void CancelPendingRead() => _reader.CancelPendingRead();

    /// <summary>Nobody reads any more; the memory goes back.</summary>
    public override void Complete(Exception? exception = null)
    {
        stream.Intake.Abandon();
        _reader.Complete(exception);
    }

    private ReadResult Lend(ReadResult result)
    {
        _lent = result.Buffer;
        return result;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReadResult> WaitAsync(ValueTask<ReadResult> reading) => Lend(await reading);
}
