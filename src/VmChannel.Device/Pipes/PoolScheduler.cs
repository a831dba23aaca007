using System.IO.Pipelines;

namespace VmChannel.Device.Pipes;

/// <summary>Continues one side of a pipe on the thread pool, without the work item the stock scheduler allocates each time.</summary>
/// <remarks>One side of a pipe waits for one thing at a time, so one slot is enough; a second call before the first ran goes the stock way.</remarks>
internal sealed class PoolScheduler : PipeScheduler, IThreadPoolWorkItem
{
    private Action<object?>? _action;
    private object? _state;
    private int _isTaken;

    public override void Schedule(Action<object?> action, object? state)
    {
        if (Interlocked.CompareExchange(ref _isTaken, 1, 0) != 0)
        {
            ThreadPool.Schedule(action, state);
            return;
        }

        _action = action;
        _state = state;
        _ = System.Threading.ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    public void Execute()
    {
        Action<object?> action = _action!;
        object? state = _state;
        _action = null;
        _state = null;

        // Release: the slot is empty before somebody else may take it.
        Volatile.Write(ref _isTaken, 0);
        action(state);
    }
}
