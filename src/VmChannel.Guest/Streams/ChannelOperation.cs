using System.Threading.Tasks.Sources;

namespace VmChannel.Guest;

/// <summary>What one party wants of a channel: tried at once, and again after every signal, until it is done. Used over and over.</summary>
/// <remarks>
/// A signal that comes while the operation is tried is kept and means another try, so that no edge between "not now" and going to sleep is
/// lost. Signals come from any thread and never run code of the library's user: that goes on in the thread pool, or in the thread
/// that blocks. One that nobody needs any more costs a try.
/// </remarks>
internal abstract class ChannelOperation : IValueTaskSource<int>, IValueTaskSource, IThreadPoolWorkItem
{
    private const int Idle = 0;
    private const int Running = 1;
    private const int Signalled = 2;
    private const int Asleep = 3;

    private ManualResetValueTaskSourceCore<int> _core;
    private CancellationTokenRegistration _registration;
    private CancellationToken _cancellation;
    private ManualResetEventSlim? _blocked;
    private bool _isBlocking;
    private int _state;

    /// <summary>It waits for a signal.</summary>
    public bool IsAsleep => Volatile.Read(ref _state) == Asleep;

    /// <summary>Something has changed: try again. Any thread.</summary>
    public void Signal()
    {
        // What has changed must be seen by an operation that is about to begin and is found idle here.
        Interlocked.MemoryBarrier();
        while (true)
        {
            switch (Volatile.Read(ref _state))
            {
                case Running when Interlocked.CompareExchange(ref _state, Signalled, Running) == Running:
                    return;
                case Asleep when Interlocked.CompareExchange(ref _state, Running, Asleep) == Asleep:
                    Wake();
                    return;
                case Idle or Signalled:
                    return;
            }
        }
    }

    void IThreadPoolWorkItem.Execute()
    {
        do
        {
            if (IsOver())
            {
                return;
            }
        }
        while (!TrySleep());
    }

    int IValueTaskSource<int>.GetResult(short token) => TakeResult(token);

    void IValueTaskSource.GetResult(short token) => TakeResult(token);

    ValueTaskSourceStatus IValueTaskSource<int>.GetStatus(short token) => _core.GetStatus(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource<int>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    /// <summary>False when somebody else's is under way.</summary>
    protected bool TryBegin() => Interlocked.CompareExchange(ref _state, Running, Idle) == Idle;

    /// <summary>Lets the next one begin.</summary>
    protected void End() => Volatile.Write(ref _state, Idle);

    /// <summary>Tries once, without waiting.</summary>
    /// <returns>False: it needs a signal first.</returns>
    /// <exception cref="ChannelException">It is over.</exception>
    /// <exception cref="ObjectDisposedException">The stream is.</exception>
    protected abstract bool TryRun(out int result);

    /// <summary>Forgets what belongs to its user.</summary>
    protected abstract void Clear();

    /// <summary>It is about to sleep; those who signal by the clock want to know.</summary>
    protected abstract void OnAsleep();

    /// <summary>Runs to the end after <see cref="TryBegin"/>; the result must be taken for the next one to begin.</summary>
    protected ValueTask<int> RunAsync(CancellationToken cancellationToken) =>
        !Start(cancellationToken, out int result, out Exception? failure) ? new(this, _core.Version)
        : failure is null ? new(result)
        : failure is OperationCanceledException ? ValueTask.FromCanceled<int>(cancellationToken)
        : ValueTask.FromException<int>(failure);

    /// <summary>As <see cref="RunAsync"/>, for an operation whose result nobody wants.</summary>
    protected ValueTask RunToEndAsync(CancellationToken cancellationToken) =>
        !Start(cancellationToken, out _, out Exception? failure) ? new(this, _core.Version)
        : failure is null ? default
        : failure is OperationCanceledException ? ValueTask.FromCanceled(cancellationToken)
        : ValueTask.FromException(failure);

    /// <summary>Blocks the thread until a signal comes, unless one has come since the last try.</summary>
    protected void Block()
    {
        _isBlocking = true;
        _blocked ??= new(initialState: false, spinCount: 0);
        _blocked.Reset();
        if (TrySleep())
        {
            _blocked.Wait();
        }
    }

    // False: it goes on by itself and its result comes through the source.
    private bool Start(CancellationToken cancellationToken, out int result, out Exception? failure)
    {
        result = 0;
        failure = null;
        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (TryRun(out result))
            {
                Clear();
                End();
                return true;
            }
        }
        catch (Exception fault)
        {
            failure = fault;
            Clear();
            End();
            return true;
        }

        _isBlocking = false;
        _cancellation = cancellationToken;
        _registration = cancellationToken.UnsafeRegister(static operation => ((ChannelOperation)operation!).Signal(), this);
        while (!TrySleep() && !IsOver())
        {
        }

        return false;
    }

    private void Wake()
    {
        if (_isBlocking)
        {
            _blocked!.Set();
        }
        else
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    private bool TrySleep()
    {
        if (Interlocked.CompareExchange(ref _state, Asleep, Running) == Running)
        {
            OnAsleep();
            return true;
        }

        // A full fence: the next try must not read what it reads before others see that their signals count again.
        _ = Interlocked.Exchange(ref _state, Running);
        return false;
    }

    private bool IsOver()
    {
        int result = 0;
        Exception? failure = null;
        try
        {
            if (!TryRun(out result))
            {
                if (!_cancellation.IsCancellationRequested)
                {
                    return false;
                }

                failure = new OperationCanceledException(_cancellation);
            }
        }
        catch (Exception fault)
        {
            failure = fault;
        }

        // Not Dispose, which waits for a callback that may be signalling right now: that is harmless.
        _ = _registration.Unregister();
        _registration = default;
        _cancellation = default;
        Clear();
        if (failure is null)
        {
            _core.SetResult(result);
        }
        else
        {
            _core.SetException(failure);
        }

        return true;
    }

    private int TakeResult(short token)
    {
        if (_core.GetStatus(token) == ValueTaskSourceStatus.Pending)
        {
            throw new InvalidOperationException("the operation is not over: await it");
        }

        try
        {
            return _core.GetResult(token);
        }
        finally
        {
            _core.Reset();
            End();
        }
    }
}
