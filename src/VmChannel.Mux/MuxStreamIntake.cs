using System.Diagnostics;
using System.IO.Pipelines;

namespace VmChannel.Mux;

/// <summary>What comes for one stream, and how much more may.</summary>
/// <param name="stream">Whose.</param>
/// <param name="window">Bytes the other end may send before any were consumed.</param>
internal sealed class MuxStreamIntake(MuxStream stream, int window)
{
    private readonly Lock _gate = new();
    private readonly PipeWriter _writer = stream.Received.Writer;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _room = window;
    private long _consumed;
    private long _unread;
    private bool _isClosed;
    private volatile bool _hasEnded;
    private volatile bool _isAbandoned;

    /// <summary>The other end has ended what it sends.</summary>
    public bool HasEnded => _hasEnded;

    /// <summary>Completes when the other end has ended what it sends, or the stream is over.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Takes a frame into account before its bytes come.</summary>
    /// <returns>False when it is more than the other end may send.</returns>
    public bool TryReserve(uint count) => Interlocked.Add(ref _room, -(long)count) >= 0;

    /// <summary>Takes bytes of a frame.</summary>
    public void Receive(ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
        {
            if (!_isClosed)
            {
                _ = Interlocked.Add(ref _unread, bytes.Length);
                bytes.CopyTo(_writer.GetSpan(bytes.Length));
                _writer.Advance(bytes.Length);
                ValueTask<FlushResult> flushing = _writer.FlushAsync();
                Debug.Assert(flushing.IsCompleted, "there is no threshold: the window is the bound");
                return;
            }
        }

        if (_isAbandoned)
        {
            stream.Abort();
        }
    }

    /// <summary>The other end has ended what it sends, or both ways.</summary>
    /// <param name="reason">Null = it has no more; else why reads fail.</param>
    public void End(MuxException? reason)
    {
        _hasEnded = true;
        Close(reason);
        _ = _ended.TrySetResult();
    }

    /// <summary>Nothing more is taken.</summary>
    public void Close(MuxException? reason)
    {
        lock (_gate)
        {
            if (!_isClosed)
            {
                _isClosed = true;
                _writer.Complete(reason);
            }
        }
    }

    /// <summary>The reader has consumed bytes: when they are half a window, the other end is told.</summary>
    public void Consume(long count)
    {
        _ = Interlocked.Add(ref _unread, -count);
        if (count > 0 && Interlocked.Add(ref _consumed, count) >= window / 2 && !_hasEnded)
        {
            stream.Outgoing.Queue();
        }
    }

    /// <summary>What the other end may send again, and has not been told of; 0 while it is little.</summary>
    public uint TakeCredit()
    {
        if (Interlocked.Read(ref _consumed) < window / 2 || _hasEnded)
        {
            return 0;
        }

        long credit = Interlocked.Exchange(ref _consumed, 0);
        _ = Interlocked.Add(ref _room, credit);
        return (uint)credit;
    }

    /// <summary>Nobody reads any more: if something was not read, the other end is stopped, as on a TCP connection.</summary>
    public void Abandon()
    {
        _isAbandoned = true;
        if (Interlocked.Read(ref _unread) > 0 && !_hasEnded)
        {
            stream.Abort();
        }
        else
        {
            Close(null);
        }
    }
}
