using VmChannel.Device.Loop;

namespace VmChannel.Device.UsbSerial;

/// <summary>How many IN transfers may be answered before the guest asks again. Loop thread only.</summary>
/// <remarks>
/// Linux's drivers ask again in the interrupt that brought the answer, whether or not anybody has taken the bytes; only a worker, which
/// moves them on to the terminal, can make them stop. A virtual processor that is never out of that interrupt does not get to it, and
/// what waits for the worker beyond 640 KiB is dropped (<c>TTYB_DEFAULT_MEM_LIMIT</c>). With few answers at once there is nothing to do
/// while the next are on their way, and the worker runs. A driver that collects more answers before it asks again gets them all the
/// same, only later.
/// </remarks>
internal sealed class AnswerPace : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(50);

    private readonly int _most;
    private readonly DeviceLoop _loop;
    private readonly Runnable _waiter;
    private readonly LoopTimer _timer;
    private int _answered;
    private int _allowed;
    private long _asked;
    private long _askedAtStart;

    /// <param name="most">Answers before the guest asks again.</param>
    /// <param name="loop">Has the time.</param>
    /// <param name="waiter">Gets a turn when it may go on although the guest has not asked.</param>
    public AnswerPace(int most, DeviceLoop loop, Runnable waiter)
    {
        (_most, _allowed, _loop, _waiter) = (most, most, loop, waiter);
        _timer = new LoopTimer(OnElapsed);
    }

    /// <summary>The guest asks for bytes.</summary>
    public void OnAsked()
    {
        _asked++;
        _allowed = _most;
        _answered = Math.Max(0, _answered - 1);
    }

    /// <summary>The guest got an answer.</summary>
    public void OnAnswered() => _answered++;

    /// <summary>One more may be answered. Otherwise the waiter gets a turn, though the guest asks for nothing.</summary>
    public bool MayAnswer()
    {
        if (_answered < _allowed)
        {
            return true;
        }

        if (!_timer.IsPending)
        {
            _askedAtStart = _asked;
            _loop.Set(_timer, Patience);
        }

        return false;
    }

    /// <summary>The guest has given all its transfers up.</summary>
    public void StartOver() => (_answered, _allowed) = (0, _most);

    public void Dispose() => _timer.Dispose();

    private void OnElapsed()
    {
        if (_asked == _askedAtStart)
        {
            _allowed = _answered + _most;
        }

        _loop.Schedule(_waiter);
    }
}
