using System.Buffers;
using System.IO.Pipelines;
using System.Threading.Tasks.Sources;

namespace VmChannel.Device.Pipes;

/// <summary>A pipe's reader that reports how many bytes each advance consumed, for a writer that counts what is held.</summary>
/// <remarks>It stands between a pending read and its awaiter itself: an async method there would allocate for each wait.</remarks>
internal sealed class SpaceReportingReader : PipeReader, IValueTaskSource<ReadResult>
{
    private readonly PipeReader _inner;
    private readonly Action<long> _consumed;
    private readonly Action _continue;
    private ReadOnlySequence<byte> _last;
    private ValueTask<ReadResult> _pending;
    private Action<object?>? _continuation;
    private object? _state;
    private short _version;

    public SpaceReportingReader(PipeReader inner, Action<long> consumed)
    {
        _inner = inner;
        _consumed = consumed;
        _continue = () => _continuation!(_state);
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        long bytes = _last.Slice(0, consumed).Length;
        _last = default;
        _inner.AdvanceTo(consumed, examined);
        Report(bytes);
    }

    public override void CancelPendingRead() => _inner.CancelPendingRead();

    public override void Complete(Exception? exception = null) => _inner.Complete(exception);

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        ValueTask<ReadResult> read = _inner.ReadAsync(cancellationToken);
        if (read.IsCompletedSuccessfully)
        {
            return new(Remember(read.Result));
        }

        _pending = read;
        return new(this, _version);
    }

    ReadResult IValueTaskSource<ReadResult>.GetResult(short token)
    {
        Check(token);
        ValueTask<ReadResult> read = _pending;
        _pending = default;
        unchecked
        {
            _version++;
        }

        return Remember(read.GetAwaiter().GetResult());
    }

    ValueTaskSourceStatus IValueTaskSource<ReadResult>.GetStatus(short token)
    {
        Check(token);
        return _pending switch
        {
            { IsCompletedSuccessfully: true } => ValueTaskSourceStatus.Succeeded,
            { IsCanceled: true } => ValueTaskSourceStatus.Canceled,
            { IsCompleted: true } => ValueTaskSourceStatus.Faulted,
            _ => ValueTaskSourceStatus.Pending,
        };
    }

    void IValueTaskSource<ReadResult>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        Check(token);
        _continuation = continuation;
        _state = state;
        if ((flags & ValueTaskSourceOnCompletedFlags.FlowExecutionContext) != 0)
        {
            _pending.ConfigureAwait(false).GetAwaiter().OnCompleted(_continue);
        }
        else
        {
            _pending.ConfigureAwait(false).GetAwaiter().UnsafeOnCompleted(_continue);
        }
    }

    public override bool TryRead(out ReadResult result)
    {
        bool isReady = _inner.TryRead(out result);
        return isReady && Remember(result).Buffer.Length >= 0;
    }

    private void Report(long bytes)
    {
        if (bytes > 0)
        {
            _consumed(bytes);
        }
    }

    private void Check(short token)
    {
        if (token != _version)
        {
            throw new InvalidOperationException("a read is awaited once");
        }
    }

    private ReadResult Remember(in ReadResult result)
    {
        _last = result.Buffer;
        return result;
    }
}
