using System.Buffers;
using System.IO.Pipelines;

namespace VmChannel.Mux;

/// <summary>What goes to the other end for one stream: its bytes as far as the other end takes them, and what is said of it.</summary>
internal sealed class MuxStreamOutlet(MuxStream stream, MuxOutlet outlet, bool isOurs, int window) : IMuxSource
{
    /// <summary>A stream's turn: others wait for no more than this of it.</summary>
    private const int TurnBytes = 16 * 1024;

    private readonly PipeReader _reader = stream.Written.Reader;
    private long _window = window;
    private bool _isAnnounced;
    private bool _isOver;
    private int _isQueued;
    private volatile bool _isReset;
    private volatile MuxException? _failure;

    public MuxStream Stream => stream;

    /// <summary>Everything was sent, and the other end was told that nothing follows.</summary>
    public bool HasEnded => Volatile.Read(ref _isOver);

    /// <summary>There may be something to send.</summary>
    public void Queue()
    {
        if (Interlocked.Exchange(ref _isQueued, 1) == 0)
        {
            outlet.Add(this);
        }
    }

    /// <summary>The other end takes so many bytes more.</summary>
    /// <returns>False when that is more than any window can be.</returns>
    public bool TryGrant(uint bytes)
    {
        if (Interlocked.Add(ref _window, bytes) > uint.MaxValue)
        {
            return false;
        }

        Queue();
        return true;
    }

    /// <summary>Has the other end told that the stream is over.</summary>
    public void Reset()
    {
        _isReset = true;
        Queue();
    }

    /// <summary>The other end has said that the stream is over: writers are told.</summary>
    public void Fail(MuxException reason)
    {
        _failure = reason;
        Queue();
    }

    /// <summary>The session is over, and its writer has ended: writers are told.</summary>
    public void Close(MuxException reason)
    {
        if (!_isOver)
        {
            Volatile.Write(ref _isOver, true);
            _reader.Complete(reason);
        }
    }

    /// <inheritdoc/>
    public int Fill(Span<byte> room)
    {
        _ = Interlocked.Exchange(ref _isQueued, 0);
        if (_isOver)
        {
            return SayCredit(room);
        }

        if (_failure is MuxException failure)
        {
            Close(failure);
            return 0;
        }

        int filled = SayCredit(room);
        if (_isReset)
        {
            new MuxFrame(MuxFrameType.WindowUpdate, MuxFrameFlags.Rst, (uint)stream.Id, 0).Write(room[filled..]);
            Close(new MuxException("the stream was aborted here"));
            return filled + MuxFrame.Size;
        }

        return filled + SayBytes(room[filled..]);
    }

    /// <summary>Opens the stream, or accepts it, and tells what the other end may send again.</summary>
    private int SayCredit(Span<byte> room)
    {
        uint credit = stream.Intake.TakeCredit();
        if (_isAnnounced && credit == 0)
        {
            return 0;
        }

        MuxFrameFlags flags = _isAnnounced ? MuxFrameFlags.None : isOurs ? MuxFrameFlags.Syn : MuxFrameFlags.Ack;
        _isAnnounced = true;
        new MuxFrame(MuxFrameType.WindowUpdate, flags, (uint)stream.Id, credit).Write(room);
        return MuxFrame.Size;
    }

    private int SayBytes(Span<byte> room)
    {
        if (!_reader.TryRead(out ReadResult written))
        {
            return 0;
        }

        long available = written.Buffer.Length;
        int count = (int)Math.Min(Math.Min(available, Interlocked.Read(ref _window)), Math.Min(room.Length - MuxFrame.Size, TurnBytes));
        ReadOnlySequence<byte> taken = written.Buffer.Slice(0, count);
        taken.CopyTo(room[MuxFrame.Size..]);
        _reader.AdvanceTo(taken.End);
        _ = Interlocked.Add(ref _window, -count);
        bool isLast = written.IsCompleted && count == available;
        if (isLast)
        {
            _reader.Complete();
            Volatile.Write(ref _isOver, true);
        }
        else if (count < available && Interlocked.Read(ref _window) > 0)
        {
            Queue();
        }

        if (count == 0 && !isLast)
        {
            return 0;
        }

        new MuxFrame(MuxFrameType.Data, isLast ? MuxFrameFlags.Fin : MuxFrameFlags.None, (uint)stream.Id, (uint)count).Write(room);
        return MuxFrame.Size + count;
    }
}
