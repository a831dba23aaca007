using System.Diagnostics;
using System.IO.Pipelines;
using VmChannel.Native;
using VmChannel.Wire.Capture;

#pragma warning disable CA2012 // the one flush is kept until it is complete, and its result is taken once

namespace VmChannel.Device.Channels;

/// <summary>A tap that makes a capture of a channel, for async code to read as a stream of bytes: a header, then records.</summary>
/// <remarks>
/// Bounded: a reader that is slow misses bytes, and finds a gap with their number in their place. The channel never waits for it.
/// </remarks>
public sealed class CaptureTap : ITap
{
    /// <summary>Bytes held for the reader unless it was said otherwise.</summary>
    public const int DefaultCapacityBytes = 1024 * 1024;

    private readonly Pipe _pipe;
    private readonly long _began = Stopwatch.GetTimestamp();
    private readonly ulong[] _missed = new ulong[2];
    private ValueTask<FlushResult> _flush;
    private long _missedBytes;
    private bool _isEnded;

    /// <param name="port">Number of the port, for the header.</param>
    /// <param name="name">Its protocol name; null when it has none.</param>
    /// <param name="capacityBytes">Bytes held for the reader; one more move may go past it, what follows is missed.</param>
    public CaptureTap(int port, string? name, int capacityBytes = DefaultCapacityBytes)
    {
        _pipe = new(new PipeOptions(
            readerScheduler: PipeScheduler.ThreadPool,
            writerScheduler: PipeScheduler.Inline,
            pauseWriterThreshold: capacityBytes,
            resumeWriterThreshold: capacityBytes / 2,
            useSynchronizationContext: false));
        long start = (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick;
        new CaptureHeader((uint)port, name ?? "", start).Write(_pipe.Writer);
        _flush = _pipe.Writer.FlushAsync();
    }

    /// <summary>Any thread, one reader: the capture, which ends when the channel does or the tap is removed.</summary>
    /// <remarks>A reader that wants no more completes it, and removes the tap.</remarks>
    public PipeReader Reader => _pipe.Reader;

    /// <summary>Any thread: bytes the reader was too slow for so far.</summary>
    public long MissedBytes => Interlocked.Read(ref _missedBytes);

    public void OnMoved(CaptureDirection direction, ReadOnlySpan<IoVector> pieces, long count)
    {
        // A flush is complete again once the reader has made room.
        if (_isEnded || !_flush.IsCompleted)
        {
            _missed[(int)direction] += (ulong)count;
            _ = Interlocked.Add(ref _missedBytes, count);
            return;
        }

        _isEnded = _flush.GetAwaiter().GetResult().IsCompleted;
        ulong time = Nanoseconds();
        WriteGaps(time);
        Copy(time, direction, pieces, count);
        _flush = _pipe.Writer.FlushAsync();
    }

    public void OnEnd()
    {
        _isEnded = true;
        WriteGaps(Nanoseconds());
        _pipe.Writer.Complete();
    }

    private void WriteGaps(ulong time)
    {
        for (int direction = 0; direction < _missed.Length; direction++)
        {
            if (_missed[direction] > 0)
            {
                CaptureRecord.WriteGap(_pipe.Writer, time, (CaptureDirection)direction, _missed[direction]);
                _missed[direction] = 0;
            }
        }
    }

    private void Copy(ulong time, CaptureDirection direction, ReadOnlySpan<IoVector> pieces, long count)
    {
        int leftOfRecord = 0;
        foreach (IoVector piece in pieces)
        {
            for (long done = 0; done < piece.Length && count > 0;)
            {
                if (leftOfRecord == 0)
                {
                    leftOfRecord = (int)Math.Min(count, CaptureRecord.MaxPayloadBytes);
                    new CaptureRecord(time, CaptureKind.Bytes, direction, leftOfRecord).WriteHeader(_pipe.Writer);
                }

                Span<byte> buffer = _pipe.Writer.GetSpan();
                int copied = IoVector.CopyOut([piece.Skip(done)], buffer[..Math.Min(buffer.Length, leftOfRecord)]);
                _pipe.Writer.Advance(copied);
                done += copied;
                count -= copied;
                leftOfRecord -= copied;
            }
        }
    }

    private ulong Nanoseconds() => (ulong)(Stopwatch.GetElapsedTime(_began).Ticks * TimeSpan.NanosecondsPerTick);
}
