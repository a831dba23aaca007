using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.Logging;
using VmChannel.Native;

namespace VmChannel.Device.Loop;

/// <summary>One epoll thread that serves one or many devices: their rings, front-ends and every host end that is a descriptor.</summary>
/// <remarks>
/// Nothing that runs here blocks, awaits, or allocates per message. Kicks are edge-triggered, so the steady state makes no
/// epoll_ctl call and never reads one. Other threads reach the loop through <see cref="Post"/> only.
/// </remarks>
public sealed partial class DeviceLoop : IDisposable
{
    private const int EventsPerWait = 64;
    private const ulong WakeKey = 0;
    private static readonly long PostponeTicks = Stopwatch.Frequency / 1000;

    private readonly Epoll _epoll = new(EventsPerWait);
    private readonly FileDescriptor _wake = EventFd.Create();
    private readonly ConcurrentQueue<Action> _posted = new();
    private readonly ConcurrentDictionary<Type, object> _shared = new();
    private readonly Dictionary<ulong, Registration> _registrations = [];
    private readonly PriorityQueue<LoopTimer, long> _timers = new();
    private readonly TurnQueue _turns = new();
    private readonly Queue<Runnable> _postponed = new();
    private readonly List<Runnable> _polled = [];
    private readonly BusyPoll _poll;
    private readonly ILogger<DeviceLoop> _log;
    private ulong _nextKey = WakeKey + 1;
    private long _postponedSince;
    private int _wakeSent;
    private bool _stopping;

    /// <param name="log">For defects.</param>
    /// <param name="poll">How long to look around at most before it sleeps; zero = it sleeps at once.</param>
    public DeviceLoop(ILogger<DeviceLoop> log, TimeSpan poll = default)
    {
        _log = log;
        _poll = new BusyPoll(poll);
        _ = _epoll.Add(_wake, EpollEvents.In | EpollEvents.EdgeTriggered, WakeKey).OrThrow("epoll_ctl");
    }

    /// <summary>Times the loop woke up: for measuring, and a test pins it.</summary>
    public long Wakeups { get; private set; }

    /// <summary>Times something else was to be watched (epoll_ctl): a test pins it.</summary>
    public long WatchChanges { get; private set; }

    /// <summary>Serves until <see cref="Stop"/>, on the calling thread.</summary>
    public void Run()
    {
        Span<EpollEvent> events = stackalloc EpollEvent[EventsPerWait];
        while (!_stopping)
        {
            int timeout = MillisecondsToWait();
            int count = timeout != 0 && _poll.IsAllowed ? LookThenWait(events, timeout) : _epoll.Wait(events, timeout);
            Wakeups++;
            for (int i = 0; i < count; i++)
            {
                Dispatch(events[i]);
            }

            FireTimers();
            SchedulePostponed();
            _ = ScheduleVisible();
            RunTurns();
        }
    }

    /// <summary>Any thread. What was posted before still runs.</summary>
    public void Stop() => Post(() => _stopping = true);

    /// <summary>Any thread: runs an action on the loop thread, soon and in order.</summary>
    public void Post(Action action)
    {
        _posted.Enqueue(action);
        if (Interlocked.Exchange(ref _wakeSent, 1) == 0)
        {
            _ = EventFd.Signal(_wake);
        }
    }

    /// <summary>Any thread but the loop's: runs a function on the loop thread and waits for what it returns.</summary>
    public Task<T> InvokeAsync<T>(Func<T> function)
    {
        TaskCompletionSource<T> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(() =>
        {
            try
            {
                done.SetResult(function());
            }
            catch (Exception e)
            {
                done.SetException(e);
            }
        });
        return done.Task;
    }

    /// <summary>Bytes that the turn may move in each direction: few while others wait who may have less. Loop thread only.</summary>
    internal int BytesPerTurn => _turns.BytesPerTurn;

    /// <summary>Any thread: the one object of its kind that everything on this loop shares, such as memory that is needed for a turn only.</summary>
    internal T Shared<T>()
        where T : class, new()
        => (T)_shared.GetOrAdd(typeof(T), static _ => new T());

    /// <summary>Loop thread: watches a descriptor. The handler is called at least once if it is ready now.</summary>
    /// <param name="fd">What to watch.</param>
    /// <param name="events">For what.</param>
    /// <param name="handler">Told.</param>
    /// <param name="registration">Ends it.</param>
    /// <param name="trigger">Whether it is told of changes only.</param>
    public PosixResult Add(FileDescriptor fd, EpollEvents events, IReadiness handler, out Registration? registration, Trigger trigger = Trigger.Edge)
    {
        ulong key = _nextKey++;
        PosixResult result = _epoll.Add(fd, events | Flag(trigger), key);
        registration = result.IsSuccess ? new Registration(this, fd, handler, key) : null;
        if (registration is not null)
        {
            _registrations.Add(key, registration);
        }

        return result;
    }

    /// <summary>Loop thread: gives work a turn soon. Queued work is not queued twice.</summary>
    public void Schedule(Runnable work)
    {
        if (!work.IsQueued)
        {
            work.IsQueued = true;
            _turns.Add(work);
        }
    }

    /// <summary>Loop thread: gives work a turn in about a millisecond: what may be superfluous by then. Nothing is allocated for it.</summary>
    public void Postpone(Runnable work)
    {
        if (!work.IsPostponed)
        {
            _postponedSince = _postponed.Count == 0 ? Stopwatch.GetTimestamp() : _postponedSince;
            work.IsPostponed = true;
            _postponed.Enqueue(work);
        }
    }

    /// <summary>
    /// Loop thread: work that waits for others lets the loop look whether they came (<see cref="Runnable.HasWork"/>), instead of
    /// asking them for a notification. It is told to ask after all when the loop goes to sleep.
    /// </summary>
    /// <returns>False when the loop is about to sleep: ask at once.</returns>
    public bool TryPoll(Runnable work)
    {
        if (_poll.IsOn && !work.IsPolled)
        {
            work.IsPolled = true;
            _polled.Add(work);
        }

        return _poll.IsOn;
    }

    /// <summary>Loop thread: runs an action once after a delay.</summary>
    public LoopTimer After(TimeSpan delay, Action elapsed)
    {
        LoopTimer timer = new(elapsed);
        Set(timer, delay);
        return timer;
    }

    /// <summary>Loop thread: lets a timer fire once after a delay. One that is pending keeps its time. Nothing is allocated for it.</summary>
    public void Set(LoopTimer timer, TimeSpan delay)
    {
        if (!timer.IsPending)
        {
            timer.IsPending = true;
            _timers.Enqueue(timer, Environment.TickCount64 + (long)delay.TotalMilliseconds);
        }
    }

    public void Dispose()
    {
        _epoll.Dispose();
        _wake.Dispose();
    }

    internal void Change(Registration registration, EpollEvents events, Trigger trigger)
    {
        WatchChanges++;
        _ = _epoll.Modify(registration.Fd, events | Flag(trigger), registration.Key);
    }

    internal void Remove(Registration registration)
    {
        if (_registrations.Remove(registration.Key))
        {
            _ = _epoll.Remove(registration.Fd);
        }
    }

    private static EpollEvents Flag(Trigger trigger) => trigger == Trigger.Edge ? EpollEvents.EdgeTriggered : EpollEvents.None;

    /// <summary>Looks around for a while, as long as that pays, and only then sleeps.</summary>
    private int LookThenWait(Span<EpollEvent> events, int timeout)
    {
        _poll.Begin();
        while (_poll.GoesOn())
        {
            if (ScheduleVisible() || IsSomethingDue())
            {
                return 0;
            }

            int count = _epoll.Wait(events, 0);
            if (count > 0)
            {
                return count;
            }

            // Whoever is to come may want this processor.
            _ = Thread.Yield();
        }

        // From here on somebody has to wake us.
        if (!AskToBeTold())
        {
            return 0;
        }

        int woken = _epoll.Wait(events, timeout);
        _poll.OnSlept();
        return woken;
    }

    private bool ScheduleVisible()
    {
        bool any = false;
        foreach (Runnable work in _polled)
        {
            try
            {
                if (!work.IsQueued && work.HasWork())
                {
                    Schedule(work);
                    any = true;
                }
            }
            catch (Exception e)
            {
                Report(work, e);
            }
        }

        return any;
    }

    /// <summary>Whoever was looked at asks for notifications. False when something came meanwhile.</summary>
    private bool AskToBeTold()
    {
        bool isQuiet = true;
        foreach (Runnable work in _polled)
        {
            work.IsPolled = false;
            try
            {
                if (!work.AskToBeTold())
                {
                    Schedule(work);
                    isQuiet = false;
                }
            }
            catch (Exception e)
            {
                Report(work, e);
            }
        }

        _polled.Clear();
        return isQuiet;
    }

    private void Dispatch(in EpollEvent ready)
    {
        if (ready.Key == WakeKey)
        {
            RunPosted();
            return;
        }

        // Keys are never reused, so a report for what was removed earlier in this batch finds nothing.
        if (_registrations.TryGetValue(ready.Key, out Registration? registration))
        {
            try
            {
                registration.Handler.OnReady(ready.Events);
            }
            catch (Exception e)
            {
                Report(registration.Handler, e);
            }
        }
    }

    private void RunPosted()
    {
        // Cleared before the queue is read: what is posted after this line signals again.
        _ = Interlocked.Exchange(ref _wakeSent, 0);
        while (_posted.TryDequeue(out Action? action))
        {
            try
            {
                action();
            }
            catch (Exception e)
            {
                Report(action.Target ?? action, e);
            }
        }
    }

    private void RunTurns()
    {
        _turns.OnLook();
        while (_turns.TryTake(out Runnable? work))
        {
            work.IsQueued = false;
            work.Moved = 0;
            bool isMore = false;
            try
            {
                isMore = work.Run();
            }
            catch (Exception e)
            {
                Report(work, e);
            }

            _turns.OnTurn(work);
            if (isMore)
            {
                Schedule(work);
            }
        }
    }

    private void FireTimers()
    {
        long now = Environment.TickCount64;
        while (_timers.TryPeek(out LoopTimer? timer, out long due) && due <= now)
        {
            _ = _timers.Dequeue();
            try
            {
                timer.Fire();
            }
            catch (Exception e)
            {
                Report(timer, e);
            }
        }
    }

    private void SchedulePostponed()
    {
        if (ArePostponedDue())
        {
            while (_postponed.TryDequeue(out Runnable? work))
            {
                work.IsPostponed = false;
                Schedule(work);
            }
        }
    }

    private bool ArePostponedDue() => _postponed.Count > 0 && Stopwatch.GetTimestamp() - _postponedSince >= PostponeTicks;

    private bool IsSomethingDue() => ArePostponedDue() || MillisecondsToNextTimer() == 0;

    private int MillisecondsToWait()
        => !_turns.IsEmpty ? 0 : _postponed.Count > 0 ? 1 : MillisecondsToNextTimer();

    private int MillisecondsToNextTimer()
        => _timers.TryPeek(out _, out long due) ? (int)Math.Clamp(due - Environment.TickCount64, 0, int.MaxValue) : Timeout.Infinite;

    /// <summary>A defect in one handler must not take the other devices' guests down with it.</summary>
    private void Report(object handler, Exception defect)
    {
        Debug.Fail(defect.ToString());
        LogDefect(handler.GetType().Name, defect);
    }

    [LoggerMessage(1, LogLevel.Error, "defect in {Handler}: please report this")]
    private partial void LogDefect(string handler, Exception exception);
}
