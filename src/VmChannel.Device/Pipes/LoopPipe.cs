using System.IO.Pipelines;
using VmChannel.Native;

namespace VmChannel.Device.Pipes;

/// <summary>Where the loop thread meets async code: two bounded pipes, copied into and out of on the loop.</summary>
/// <remarks>
/// The loop side never blocks and never shows guest memory to the other: bytes are copied in and out. Each side tells
/// the other only that it should look again.
/// </remarks>
internal sealed class LoopPipe : IDuplexPipe
{
    /// <summary>Bytes held each way: when full, a guest's bytes stay on its ring, and the async side waits in a flush.</summary>
    public const int CapacityBytes = 64 * 1024;

    /// <summary>Bytes in a row: as many as a TLS record carries.</summary>
    public const int PieceBytes = 16 * 1024;

    private readonly Pipe _fromGuest;
    private readonly Pipe _toGuest;
    private readonly SpaceReportingReader _input;
    private readonly NotifyingWriter _output;
    private long _heldBytes;
    private int _wantsSpace;

    /// <param name="lookAgain">Any thread: bytes or space are there for the loop.</param>
    public LoopPipe(Action lookAgain)
    {
        _fromGuest = new(new PipeOptions(
            readerScheduler: new PoolScheduler(),
            writerScheduler: PipeScheduler.Inline,
            pauseWriterThreshold: 0,
            minimumSegmentSize: PieceBytes,
            useSynchronizationContext: false));
        _toGuest = new(new PipeOptions(
            readerScheduler: PipeScheduler.Inline,
            writerScheduler: new PoolScheduler(),
            pauseWriterThreshold: CapacityBytes,
            resumeWriterThreshold: CapacityBytes / 2,
            minimumSegmentSize: PieceBytes,
            useSynchronizationContext: false));
        _input = new(_fromGuest.Reader, bytes => OnConsumed(bytes, lookAgain));
        _output = new(_toGuest.Writer, lookAgain);
    }

    /// <summary>Async side, one reader: the guest's bytes.</summary>
    public PipeReader Input => _input;

    /// <summary>Async side, one writer: bytes for the guest. Await every flush.</summary>
    public PipeWriter Output => _output;

    /// <summary>Async side: it has to be over, or must not begin again.</summary>
    public CancellationTokenSource Cancellation { get; } = new();

    /// <summary>Loop thread: what the async side writes now reaches nobody.</summary>
    public bool IsOutputEnded { get; private set; }

    /// <summary>Loop thread: no more bytes go in.</summary>
    public bool IsInputEnded { get; private set; }

    /// <summary>Loop thread: the last <see cref="Write"/> left bytes behind.</summary>
    public bool IsFull { get; private set; }

    /// <summary>Any thread: bytes taken from the guest that the async side has not consumed.</summary>
    public long HeldBytes => Interlocked.Read(ref _heldBytes);

    /// <summary>Loop thread: takes what fits. A report follows once a refused rest would fit.</summary>
    public long Write(ReadOnlySpan<IoVector> source)
    {
        long taken = 0;
        IsFull = false;
        foreach (IoVector piece in source)
        {
            for (long done = 0; done < piece.Length;)
            {
                int room = Room();
                if (room == 0)
                {
                    IsFull = true;
                    Flush(taken);
                    return taken;
                }

                Span<byte> buffer = _fromGuest.Writer.GetSpan();
                int count = IoVector.CopyOut([piece.Skip(done)], buffer[..Math.Min(buffer.Length, room)]);
                _fromGuest.Writer.Advance(count);
                _ = Interlocked.Add(ref _heldBytes, count);
                done += count;
                taken += count;
            }
        }

        Flush(taken);
        return taken;
    }

    /// <summary>Loop thread: gives what is there.</summary>
    public long Read(ReadOnlySpan<IoVector> destination)
    {
        if (IsOutputEnded || !_toGuest.Reader.TryRead(out ReadResult ready))
        {
            return 0;
        }

        long given = 0;
        int index = 0;
        long filled = 0;
        foreach (ReadOnlyMemory<byte> segment in ready.Buffer)
        {
            ReadOnlySpan<byte> bytes = segment.Span;
            while (!bytes.IsEmpty && index < destination.Length)
            {
                int count = IoVector.CopyIn(bytes, [destination[index].Skip(filled)]);
                bytes = bytes[count..];
                given += count;
                filled += count;
                if (filled == destination[index].Length)
                {
                    index++;
                    filled = 0;
                }
            }
        }

        _toGuest.Reader.AdvanceTo(ready.Buffer.GetPosition(given));
        return given;
    }

    /// <summary>Loop thread: bytes that the async side has written and that were not given yet.</summary>
    public long UnreadBytes()
    {
        if (IsOutputEnded || !_toGuest.Reader.TryRead(out ReadResult ready))
        {
            return 0;
        }

        _toGuest.Reader.AdvanceTo(ready.Buffer.Start);
        return ready.Buffer.Length;
    }

    /// <summary>Loop thread: nobody wants the next of these bytes.</summary>
    /// <returns>How many of them were there.</returns>
    public long Skip(long bytes)
    {
        if (IsOutputEnded || !_toGuest.Reader.TryRead(out ReadResult ready))
        {
            return 0;
        }

        long skipped = Math.Min(bytes, ready.Buffer.Length);
        _toGuest.Reader.AdvanceTo(ready.Buffer.GetPosition(skipped));
        return skipped;
    }

    /// <summary>Async side, while nothing is written: nobody wants what is held.</summary>
    /// <returns>How many bytes that were.</returns>
    public long DropHeld()
    {
        if (!Input.TryRead(out ReadResult held))
        {
            return 0;
        }

        long dropped = held.Buffer.Length;
        Input.AdvanceTo(held.Buffer.End);
        return dropped;
    }

    /// <summary>Loop thread: the async side gets what is held, and then the end of its input.</summary>
    public void EndInput()
    {
        if (!IsInputEnded)
        {
            IsInputEnded = true;
            _fromGuest.Writer.Complete();
        }
    }

    /// <summary>Loop thread: nobody reads what the async side writes any more.</summary>
    public void EndOutput()
    {
        if (!IsOutputEnded)
        {
            IsOutputEnded = true;
            _toGuest.Reader.Complete();
        }
    }

    /// <summary>Loop thread, after the async side has ended: gives the buffers back.</summary>
    public void Close()
    {
        EndOutput();
        EndInput();
        _fromGuest.Reader.Complete();
        _toGuest.Writer.Complete();
        Cancellation.Dispose();
    }

    private int Room()
    {
        long room = CapacityBytes - HeldBytes;
        if (room > 0)
        {
            return (int)room;
        }

        // Full fence: pairs with the one in OnConsumed. Either the consumer sees the wish, or this sees the space.
        _ = Interlocked.Exchange(ref _wantsSpace, 1);
        return (int)(CapacityBytes - HeldBytes);
    }

    private void OnConsumed(long bytes, Action lookAgain)
    {
        _ = Interlocked.Add(ref _heldBytes, -bytes);
        if (Interlocked.Exchange(ref _wantsSpace, 0) == 1)
        {
            lookAgain();
        }
    }

    private void Flush(long taken)
    {
        if (taken > 0)
        {
            // Without a pause threshold a flush is complete when it returns; its result says only whether anybody reads.
            ValueTask<FlushResult> flush = _fromGuest.Writer.FlushAsync();
            System.Diagnostics.Debug.Assert(flush.IsCompleted, "a pipe without a pause threshold flushes synchronously");
            _ = flush.GetAwaiter().GetResult();
        }
    }
}
