using VmChannel.Native;

namespace VmChannel.Guest;

/// <summary>What the poller tells. All calls come from its thread and must not block.</summary>
internal interface IPolled
{
    /// <summary>A descriptor became ready, since it was added or since the last time.</summary>
    void OnReady(EpollEvents events);

    /// <summary>It is time, or somebody asked.</summary>
    /// <param name="now">Milliseconds of <see cref="Environment.TickCount64"/>.</param>
    /// <returns>When to be called again, on the same clock.</returns>
    long OnTime(long now);
}

/// <summary>The one thread of this process that waits for channels. It begins with the first and sleeps for good while nothing happens.</summary>
/// <remarks>
/// Edge-triggered: a descriptor is registered once, and reported once for every change, with all that is so at that moment. One thread for all,
/// because what a second one finds out about a virtio-serial port, nobody else is told.
/// </remarks>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1001", Justification = "It lives as long as the process")]
internal sealed class ChannelPoller
{
    private static readonly Lazy<ChannelPoller> Own = new(() => new());

    private readonly Epoll _epoll = new(64);
    private readonly FileDescriptor _wake = EventFd.Create();
    private readonly Lock _lock = new();
    private readonly Dictionary<ulong, IPolled> _polled = [];
    private ulong _lastKey;
    private int _isAsked;
    private int _isAsleep;

    private ChannelPoller()
    {
        _ = _epoll.Add(_wake, EpollEvents.In | EpollEvents.EdgeTriggered, 0).OrThrow("epoll_ctl");
        new Thread(Run) { IsBackground = true, Name = "vmchannel poller" }.Start();
    }

    /// <summary>That of this process.</summary>
    public static ChannelPoller Shared => Own.Value;

    /// <summary>How many are registered.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _polled.Count;
            }
        }
    }

    /// <summary>Registers one; its descriptors come with <see cref="Watch"/>.</summary>
    /// <returns>Its key.</returns>
    public ulong Add(IPolled polled)
    {
        lock (_lock)
        {
            _polled.Add(++_lastKey, polled);
            return _lastKey;
        }
    }

    /// <summary>Reports a descriptor to the one with that key, now if it is ready and after every change.</summary>
    public PosixResult Watch(ulong key, FileDescriptor descriptor) =>
        _epoll.Add(descriptor, EpollEvents.In | EpollEvents.Out | EpollEvents.ReadHangUp | EpollEvents.EdgeTriggered, key);

    /// <summary>No further calls, but for one that may be under way.</summary>
    public void Remove(ulong key, FileDescriptor? descriptor)
    {
        if (descriptor is not null)
        {
            _ = _epoll.Remove(descriptor);
        }

        lock (_lock)
        {
            _polled.Remove(key);
        }
    }

    /// <summary>Calls everybody's <see cref="IPolled.OnTime"/> soon, and then when it wants to be.</summary>
    public void Ask()
    {
        // With the exchange in Run: either it sees that it is asked, or this sees that it sleeps.
        _ = Interlocked.Exchange(ref _isAsked, 1);
        if (Interlocked.Exchange(ref _isAsleep, 0) != 0)
        {
            _ = EventFd.Signal(_wake);
        }
    }

    private void Run()
    {
        EpollEvent[] events = new EpollEvent[64];
        List<IPolled> timed = [];
        long due = ChannelFile.Never;
        while (true)
        {
            _ = Interlocked.Exchange(ref _isAsleep, 1);
            long now = Environment.TickCount64;
            int timeoutMs = Volatile.Read(ref _isAsked) != 0 ? 0 : due == ChannelFile.Never ? -1 : (int)Math.Clamp(due - now, 0, int.MaxValue);
            int count = _epoll.Wait(events, timeoutMs);
            Volatile.Write(ref _isAsleep, 0);
            for (int i = 0; i < count; i++)
            {
                IPolled? polled;
                lock (_lock)
                {
                    _ = _polled.TryGetValue(events[i].Key, out polled);
                }

                polled?.OnReady(events[i].Events);
            }

            now = Environment.TickCount64;
            if (Interlocked.Exchange(ref _isAsked, 0) != 0 || now >= due)
            {
                lock (_lock)
                {
                    timed.AddRange(_polled.Values);
                }

                due = ChannelFile.Never;
                foreach (IPolled polled in timed)
                {
                    due = Math.Min(due, polled.OnTime(now));
                }

                timed.Clear();
            }
        }
    }
}
