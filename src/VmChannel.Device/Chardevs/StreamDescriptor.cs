using VmChannel.Device.Loop;
using VmChannel.Native;

namespace VmChannel.Device.Chardevs;

/// <summary>A non-blocking descriptor of a host end, and what is known about it between two reports of the loop. Loop thread only.</summary>
internal sealed class StreamDescriptor : IReadiness, IDisposable
{
    private const int ShutdownWrite = 1;
    private const int BytesPerDrop = 16 * 1024;
    private const int ShutdownBoth = 2;

    private readonly FileDescriptor _fd;
    private readonly Action _changed;
    private readonly FileKind _kind;
    private readonly bool _shortMeansDone;
    private Registration? _registration;
    private bool _isReleased;
    private EpollEvents _wanted;
    private EpollEvents _watched;
    private EpollEvents _tried;

    /// <param name="fd">Owned from here on.</param>
    /// <param name="changed">Called on the loop thread when a report of the loop told something new.</param>
    public StreamDescriptor(FileDescriptor fd, Action changed)
    {
        _fd = fd;
        _changed = changed;

        // A socket or pipe that takes less than it was offered is full, and reports the next change of that. A terminal
        // moves one buffer at a time and a file knows no readiness: only a refusal counts there.
        _kind = fd.Kind();
        _shortMeansDone = _kind is FileKind.Socket or FileKind.Fifo;
    }

    /// <summary>Reading is worth a try.</summary>
    public bool CanRead { get; private set; } = true;

    /// <summary>Writing is worth a try.</summary>
    public bool CanWrite { get; private set; } = true;

    /// <summary>Reading has come to its end, or failed.</summary>
    public bool IsReadEnded { get; private set; }

    public Errno ReadError { get; private set; }

    public Errno WriteError { get; private set; }

    /// <summary>The other side sends nothing more after what is already here.</summary>
    public bool IsReadHungUp { get; private set; }

    /// <summary>The other side is gone altogether.</summary>
    public bool IsHungUp { get; private set; }

    public long WrittenBytes { get; private set; }

    public bool IsSocket => _kind == FileKind.Socket;

    /// <summary>Level-triggered as far as that ends by itself: a hang-up lasts, and cannot be left out of what is watched.</summary>
    private Trigger Trigger => _shortMeansDone && !IsReadHungUp && !IsHungUp ? Trigger.Level : Trigger.Edge;

    /// <summary>Begins to watch.</summary>
    /// <remarks>A regular file cannot be watched (EPERM): it is always ready, which is what this type assumes at first.</remarks>
    public PosixResult Watch(DeviceLoop loop, EpollEvents interest)
    {
        _wanted = interest;
        _watched = interest;
        PosixResult result = loop.Add(_fd, interest, this, out _registration, Trigger);
        return result.Error == Errno.Permission ? default : result;
    }

    /// <summary>Fills guest memory. Returns the bytes given.</summary>
    /// <param name="destination">Pieces of guest memory.</param>
    /// <param name="look">The owner should look again in its next turn: there may be more, or this was the end.</param>
    public long Read(ReadOnlySpan<IoVector> destination, out bool look)
    {
        look = false;
        long wanted = IoVector.Sum(destination);
        if (!CanRead || IsReadEnded || wanted == 0)
        {
            return 0;
        }

        _tried |= EpollEvents.In;
        PosixResult result = _fd.Read(destination);
        if (result.Value > 0)
        {
            if (result.Value < wanted)
            {
                CanRead = look = MayHaveMore();
            }

            return result.Value;
        }

        CanRead = false;
        WatchAgain(EpollEvents.In, CanRead);
        if (!result.IsAgain)
        {
            IsReadEnded = true;
            ReadError = result.Error;
            look = true;
        }

        return 0;
    }

    /// <summary>Writes guest memory. Returns the bytes taken.</summary>
    /// <param name="source">Pieces of guest memory.</param>
    /// <param name="look">As for <see cref="Read"/>.</param>
    public long Write(ReadOnlySpan<IoVector> source, out bool look)
    {
        look = false;
        long wanted = IoVector.Sum(source);
        if (!CanWrite || IsHungUp || wanted == 0)
        {
            return 0;
        }

        _tried |= EpollEvents.Out;
        PosixResult result = _fd.Write(source);
        if (result.Value > 0)
        {
            WrittenBytes += result.Value;
            if (result.Value < wanted)
            {
                look = !_shortMeansDone;
                CanWrite = look;
                WatchAgain(EpollEvents.Out, CanWrite);
            }

            return result.Value;
        }

        CanWrite = false;
        WatchAgain(EpollEvents.Out, CanWrite);
        if (!result.IsAgain)
        {
            // No error and no progress either: a device that is full in its own way.
            WriteError = result.IsSuccess ? Errno.NoSpace : result.Error;
            look = true;
        }

        return 0;
    }

    /// <summary>Nothing is left that a read would give. Exact for sockets, pipes and terminals.</summary>
    public bool IsEmpty()
    {
        PosixResult available = _fd.Available();
        return !available.IsSuccess || available.Value == 0;
    }

    /// <summary>Nobody wants more of the other side, which is told so.</summary>
    /// <param name="keepsReading">Of a socket, what comes will be read all the same.</param>
    /// <returns>Bytes that were received already; a file has none, it only could be read on.</returns>
    public long Retire(bool keepsReading)
    {
        if (_kind == FileKind.Socket)
        {
            _ = UnixSocket.Shutdown(_fd, keepsReading ? ShutdownWrite : ShutdownBoth);
        }

        PosixResult available = _kind == FileKind.Regular || IsReadEnded ? default : _fd.Available();

        // What came a moment ago may not have been reported yet.
        CanRead |= available.Value > 0;
        return Math.Max(0, available.Value);
    }

    /// <summary>Ends a socket's connection: the other side finds the end of the stream behind what was written.</summary>
    /// <param name="keepsReading">It will be read until the other side closes it, too.</param>
    /// <returns>Bytes that were received and are dropped; of a socket that is read on, none yet.</returns>
    public long EndConnection(bool keepsReading)
    {
        _ = UnixSocket.Shutdown(_fd, keepsReading ? ShutdownWrite : ShutdownBoth);
        if (keepsReading)
        {
            return 0;
        }

        // Nothing more comes. Closed with these unread it would be an error for the other side instead of the end.
        long dropped = 0;
        Span<byte> waste = stackalloc byte[BytesPerDrop];
        while (_fd.Read(waste) is { Value: > 0 } read)
        {
            dropped += read.Value;
        }

        return dropped;
    }

    /// <summary>Gives the descriptor away, unwatched.</summary>
    public FileDescriptor Release()
    {
        _registration?.Dispose();
        _isReleased = true;
        return _fd;
    }

    /// <summary>Tries again to write, after an error that may pass.</summary>
    public void ResumeWriting()
    {
        WriteError = Errno.None;
        CanWrite = true;
    }

    /// <summary>The other side came back: for a terminal, whose hang-up lasts only until the next open.</summary>
    public void ForgetHangUp()
    {
        IsHungUp = false;
        IsReadHungUp = false;
        CanRead = true;
        CanWrite = true;
    }

    public void OnReady(EpollEvents events)
    {
        bool hungUp = (events & (EpollEvents.HangUp | EpollEvents.Error)) != 0;
        bool readHungUp = hungUp || (events & EpollEvents.ReadHangUp) != 0;
        bool canRead = readHungUp || (events & EpollEvents.In) != 0;
        bool canWrite = hungUp || (events & EpollEvents.Out) != 0;

        // What is known already would be reported again and again, unless somebody is about to use it up.
        EpollEvents known = (CanRead ? EpollEvents.In : EpollEvents.None) | (CanWrite ? EpollEvents.Out : EpollEvents.None);
        Trigger before = Trigger;
        bool isNews = (canRead && !CanRead) || (canWrite && !CanWrite) || (readHungUp && !IsReadHungUp) || (hungUp && !IsHungUp);
        CanRead |= canRead;
        CanWrite |= canWrite;
        IsReadHungUp |= readHungUp;
        IsHungUp |= hungUp;
        Unwatch(events & known & ~_tried, hasChanged: Trigger != before);
        _tried = EpollEvents.None;
        if (isNews)
        {
            _changed();
        }
    }

    public void Dispose()
    {
        if (!_isReleased)
        {
            _registration?.Dispose();
            _fd.Dispose();
        }
    }

    /// <summary>A read gave less than there was room for. False when a report will tell of the next byte.</summary>
    /// <remarks>
    /// A socket's read also stops where descriptors or urgent data came between the bytes, and what follows was reported
    /// before. The next wait of the loop finds it all the same: <see cref="Trigger"/>.
    /// </remarks>
    private bool MayHaveMore()
    {
        // After a hang-up no further report comes, so the end has to be read.
        if (!_shortMeansDone || IsReadHungUp || IsHungUp)
        {
            return true;
        }

        WatchAgain(EpollEvents.In, isPossible: false);
        return false;
    }

    private void Unwatch(EpollEvents known, bool hasChanged)
    {
        if ((_watched & known) != 0 || hasChanged)
        {
            _watched &= ~known;
            _registration?.Change(_watched, Trigger);
        }
    }

    /// <summary>Something has to be waited for again; if it is there by now, it is reported at once.</summary>
    private void WatchAgain(EpollEvents missed, bool isPossible)
    {
        if (!isPossible && (_wanted & ~_watched & missed) != 0)
        {
            _watched |= missed;
            _registration?.Change(_watched, Trigger);
        }
    }
}
