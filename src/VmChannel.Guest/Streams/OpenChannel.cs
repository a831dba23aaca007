using VmChannel.Native;

namespace VmChannel.Guest;

/// <summary>An open channel behind its <see cref="ChannelStream"/>: file, host, and the operations that wait for either.</summary>
internal sealed class OpenChannel : IPolled, IDisposable
{
    private const EpollEvents Trouble = EpollEvents.HangUp | EpollEvents.ReadHangUp | EpollEvents.Error;

    private readonly Lock _looking = new();
    private readonly ChannelFile _file;
    private readonly HostPresence _host;
    private readonly List<HostOperation> _hostWaits = [];
    private readonly ulong _key;
    private long _bytesRead;
    private long _bytesWritten;
    private volatile bool _isUnplugged;
    private volatile bool _isDisposed;
    private volatile bool _isTimed;

    /// <param name="info">What was opened.</param>
    /// <param name="onHostClose">What a closing host means.</param>
    /// <param name="file">Its file; belongs to this from now on.</param>
    public OpenChannel(ChannelInfo info, HostCloseBehavior onHostClose, ChannelFile file)
    {
        Info = info;
        _host = new(onHostClose == HostCloseBehavior.EndStream);
        _file = file;
        Reading = new(this);
        Writing = new(this);
        _key = ChannelPoller.Shared.Add(this);
        OpenChannels.Add(this);

        // Registered first: what changes after the look comes as an event.
        PosixResult watched = _file.WatchWith(descriptor => ChannelPoller.Shared.Watch(_key, descriptor));
        if (!watched.IsSuccess)
        {
            Dispose();
            throw new ChannelException(Name, $"{Name} ({Info.DevicePath}): cannot be waited for: {watched.Message}");
        }

        Look();
        ChannelPoller.Shared.Ask();
    }

    public ChannelInfo Info { get; }

    public string Name => Info.Name;

    public ReadOperation Reading { get; }

    public WriteOperation Writing { get; }

    public bool IsHostOpen => _host.IsOpen;

    public int Generation => _host.Generation;

    public long BytesRead => Interlocked.Read(ref _bytesRead);

    public long BytesWritten => Interlocked.Read(ref _bytesWritten);

    public bool IsDisposed => _isDisposed;

    /// <summary>Waits of hosts made so far; each is used over and over.</summary>
    public int HostWaits
    {
        get
        {
            lock (_hostWaits)
            {
                return _hostWaits.Count;
            }
        }
    }

    public ValueTask WaitForHostAsync(CancellationToken cancellationToken)
    {
        HostOperation? wait;
        lock (_hostWaits)
        {
            wait = _hostWaits.Find(idle => !idle.AwaitsEnd && idle.TryTake());
            if (wait is null)
            {
                wait = new(this);
                _ = wait.TryTake();
                _hostWaits.Add(wait);
            }
        }

        return wait.WaitAsync(cancellationToken);
    }

    /// <summary>Waits until the stream has ended with its host, whether or not what the host sent before was read.</summary>
    public ValueTask WaitForEndAsync(CancellationToken cancellationToken)
    {
        HostOperation wait = new(this, awaitsEnd: true);
        _ = wait.TryTake();
        lock (_hostWaits)
        {
            _hostWaits.Add(wait);
        }

        return wait.WaitAsync(cancellationToken);
    }

    /// <summary>One attempt to read. False: not now.</summary>
    public bool TryRead(Span<byte> destination, out int count)
    {
        ThrowIfGone();
        count = 0;
        if (destination.IsEmpty)
        {
            return true;
        }

        switch (_file.Read(destination, out count))
        {
            case IoOutcome.Moved:
                _ = Interlocked.Add(ref _bytesRead, count);
                if (_host is { IsOpen: false, HasEnded: false })
                {
                    // Bytes come from a host that is, or was, there: whoever has them knows of it.
                    Look(hostWasThere: true);
                }

                return true;
            case IoOutcome.HostClosed:
                return EndOfHost();
            case IoOutcome.Unplugged:
                throw Unplugged();
            default:
                return _host.HasEnded;
        }
    }

    /// <summary>Writes what there is room for. False: some is left.</summary>
    public bool TryWrite(ref ReadOnlySpan<byte> source)
    {
        ThrowIfGone();
        while (true)
        {
            ThrowIfEnded();
            if (source.IsEmpty)
            {
                return true;
            }

            switch (_file.Write(source, out int count))
            {
                case IoOutcome.Moved:
                    _ = Interlocked.Add(ref _bytesWritten, count);
                    source = source[count..];
                    break;
                case IoOutcome.HostClosed when EndOfHost():
                    break;
                case IoOutcome.Unplugged:
                    throw Unplugged();
                default:
                    return false;
            }
        }
    }

    /// <summary>The host's end is open now.</summary>
    public bool TryFindHost()
    {
        ThrowIfGone();
        ThrowIfEnded();
        return _host.IsOpen;
    }

    /// <summary>The stream has ended with its host.</summary>
    public bool TryFindEnd()
    {
        ThrowIfGone();
        return _host.HasEnded;
    }

    /// <summary>A writer waits: for the kernel's events, and for the clock where those are not enough.</summary>
    public void OnWriterAsleep()
    {
        if (!_isTimed)
        {
            ChannelPoller.Shared.Ask();
        }
    }

    void IPolled.OnReady(EpollEvents events)
    {
        if (_file.IsNews(events, _host.IsOpen))
        {
            Look();
            ChannelPoller.Shared.Ask();
        }

        if ((events & (EpollEvents.In | Trouble)) != 0)
        {
            Reading.Signal();
        }

        if ((events & (EpollEvents.Out | Trouble)) != 0)
        {
            Writing.Signal();
        }
    }

    long IPolled.OnTime(long now)
    {
        if (_isTimed)
        {
            Look();
        }

        // A writer that falls asleep either finds this false and asks, or is found here.
        _isTimed = false;
        Interlocked.MemoryBarrier();
        long next = _isDisposed || _isUnplugged ? ChannelFile.Never : _file.NextLook(now, Writing.IsAsleep);
        _isTimed = next != ChannelFile.Never;
        return next;
    }

    public void Dispose()
    {
        lock (_looking)
        {
            if (_isDisposed)
            {
                return;
            }

            _isDisposed = true;
            ChannelPoller.Shared.Remove(_key, _file.Descriptor);
            OpenChannels.Remove(this);
        }

        SignalAll();

        // Not under the lock, at which the poller may wait: a terminal waits in close(2) for its last bytes.
        _file.Dispose();
    }

    private void Look(bool hostWasThere = false)
    {
        bool isNews;
        HostSight sight;
        lock (_looking)
        {
            if (_isDisposed)
            {
                return;
            }

            sight = _file.Look();
            if (hostWasThere && !sight.IsOpen && _host.Generation == 0)
            {
                sight = sight with { Flaps = 1 };
            }

            isNews = _host.Update(sight) || (sight.IsUnplugged && !_isUnplugged);
            _isUnplugged |= sight.IsUnplugged;
        }

        if (isNews)
        {
            SignalAll();
            OpenChannels.Tell();
        }
        else if (sight.HasRoom)
        {
            // This look may have taken the buffers whose interrupt then wakes nobody.
            Writing.Signal();
        }
    }

    private bool EndOfHost()
    {
        if (_host.HasEnded)
        {
            return true;
        }

        bool hasEnded;
        lock (_looking)
        {
            hasEnded = _host.EndOfHost();
        }

        if (hasEnded)
        {
            SignalAll();
        }

        return hasEnded;
    }

    private void SignalAll()
    {
        Reading.Signal();
        Writing.Signal();
        lock (_hostWaits)
        {
            foreach (HostOperation wait in _hostWaits)
            {
                wait.Signal();
            }
        }
    }

    private void ThrowIfGone()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, typeof(ChannelStream));
        if (_isUnplugged)
        {
            throw Unplugged();
        }
    }

    private void ThrowIfEnded()
    {
        if (_host.HasEnded)
        {
            throw new HostClosedException(
                Name, $"{Name} ({Info.DevicePath}): the host has closed its end, and the stream has ended with it; open the channel again for the next host");
        }
    }

    private ChannelUnpluggedException Unplugged() => new(
        Name, $"{Name} ({Info.DevicePath}) was unplugged by the host; to wait until it is plugged in again, open it again with a timeout");
}
