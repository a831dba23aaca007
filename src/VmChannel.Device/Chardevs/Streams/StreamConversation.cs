using System.Buffers;
using System.IO.Pipelines;
using VmChannel.Device.Pipes;

namespace VmChannel.Device.Chardevs.Streams;

/// <summary>One peer's time on a channel: moves bytes between its stream and the pipe to the loop, until one of them ends. Pool threads.</summary>
/// <remarks>
/// Bytes leave the pipe once the stream has taken them. When a peer goes, the piece in flight, at most one
/// <see cref="LoopPipe.PieceBytes"/>, is the only one whose fate is unknown: it is counted and not sent again.
/// </remarks>
internal sealed class StreamConversation(StreamPeer peer, LoopPipe pipe) : IDisposable
{
    /// <summary>For the last write to a peer that has ended what it sends, and for goodbyes.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly CancellationTokenSource _stopSending = new();
    private readonly CancellationTokenSource _abort = new();
    private readonly TaskCompletionSource _isRead = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _stopping = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private string? _sendFailure;
    private volatile bool _sendsRest;

    public StreamPeer Peer => peer;

    /// <summary>Bytes the peer sent; final once the peer has ended.</summary>
    public long ReceivedBytes { get; private set; }

    /// <summary>Bytes it sent after nobody wanted them any more.</summary>
    public long DroppedBytes { get; private set; }

    /// <summary>Bytes that may or may not have reached the peer when it went.</summary>
    public long LostBytes { get; private set; }

    /// <summary>Any thread: the guest has read all that the peer sent.</summary>
    public void SetRead() => _isRead.TrySetResult();

    /// <summary>Any thread, before the disposal: what the peer sends from now on is dropped; what is held for it is still sent.</summary>
    /// <param name="patience">For that; the first call decides.</param>
    public void Stop(TimeSpan patience)
    {
        if (_stopping.TrySetResult() || _sendsRest)
        {
            _abort.CancelAfter(patience);
        }
    }

    /// <summary>
    /// Loop thread, before the disposal: what is held for the peer is still sent, however long it takes for it, and then the
    /// connection ends. Nothing more may be written for it. What it sends from now on is dropped.
    /// </summary>
    public void Finish()
    {
        _sendsRest = true;
        if (_stopping.TrySetResult())
        {
            pipe.Input.CancelPendingRead();
        }
    }

    /// <summary>Serves the peer, then closes it.</summary>
    /// <param name="peerEnded">Called with the reason once the peer sends nothing more and <see cref="ReceivedBytes"/> is final.</param>
    public async Task RunAsync(Action<string> peerEnded)
    {
        Task sending = SendAsync();
        Task<string> receiving = ReceiveAsync();
        if (await Task.WhenAny(receiving, _stopping.Task) == receiving)
        {
            peerEnded(await receiving);
            await Task.WhenAny(_isRead.Task, _stopping.Task);
        }

        if (!_stopping.Task.IsCompleted)
        {
            // The rest is for the next peer, but a write that has begun may end.
            await _stopSending.CancelAsync();
            _abort.CancelAfter(Patience);
        }

        if (await Task.WhenAny(sending, receiving) == receiving && _sendsRest)
        {
            // Who sends nothing more may be gone.
            _abort.CancelAfter(Patience);
        }

        await sending;
        if (_sendFailure is null)
        {
            await peer.EndAsync(Patience);
        }

        await peer.DisposeAsync();
        await _abort.CancelAsync();
        _ = await receiving;
    }

    public void Dispose()
    {
        _stopSending.Dispose();
        _abort.Dispose();
    }

    private static string Explain(Exception failure) => failure switch
    {
        OperationCanceledException => "it did not take the bytes in time",
        { InnerException: System.Net.Sockets.SocketException inner } => inner.Message,
        _ => failure.Message,
    };

    /// <summary>The next piece that is not empty.</summary>
    private static ReadOnlyMemory<byte> FirstPiece(in ReadOnlySequence<byte> bytes)
    {
        SequencePosition position = bytes.Start;
        while (bytes.TryGet(ref position, out ReadOnlyMemory<byte> piece))
        {
            if (!piece.IsEmpty)
            {
                return piece;
            }
        }

        return default;
    }

    private async Task SendAsync()
    {
        try
        {
            while (true)
            {
                ReadResult held;
                if (!_sendsRest)
                {
                    held = await pipe.Input.ReadAsync(_stopSending.Token);
                }
                else if (!pipe.Input.TryRead(out held))
                {
                    return;
                }

                ReadOnlyMemory<byte> piece = FirstPiece(held.Buffer);
                SequencePosition after = held.Buffer.GetPosition(piece.Length);
                if (piece.IsEmpty && held.IsCompleted)
                {
                    pipe.Input.AdvanceTo(after);
                    return;
                }

                if (piece.IsEmpty)
                {
                    // The read was cancelled: to look again, or for the conversation before, which had ended by itself.
                    pipe.Input.AdvanceTo(after);
                    continue;
                }

                LostBytes = piece.Length;
                try
                {
                    await peer.Stream.WriteAsync(piece, _abort.Token);
                    LostBytes = 0;
                }
                finally
                {
                    pipe.Input.AdvanceTo(after);
                }
            }
        }
        catch (OperationCanceledException) when (LostBytes == 0)
        {
        }
        catch (Exception e)
        {
            _sendFailure = Explain(e);
        }
    }

    private async Task<string> ReceiveAsync()
    {
        try
        {
            while (true)
            {
                int count = await peer.Stream.ReadAsync(pipe.Output.GetMemory(LoopPipe.PieceBytes), _abort.Token);
                if (count == 0)
                {
                    return _sendFailure ?? "the other side closed it";
                }

                if (_stopping.Task.IsCompleted)
                {
                    // Nobody wants it, but left unread it would make a reset that overtakes what is still sent.
                    DroppedBytes += count;
                    continue;
                }

                ReceivedBytes += count;
                pipe.Output.Advance(count);
                FlushResult flush = await pipe.Output.FlushAsync(_abort.Token);
                if (flush.IsCompleted)
                {
                    return "stopped";
                }
            }
        }
        catch (Exception e)
        {
            return _sendFailure ?? Explain(e);
        }
    }
}
