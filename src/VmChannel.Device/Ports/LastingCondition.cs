using VmChannel.Device.Loop;

namespace VmChannel.Device.Ports;

/// <summary>Something that is of interest only once it has lasted for a while. Loop thread only.</summary>
/// <remarks>
/// While it comes and goes, nothing happens but a look at the clock: one timer at a time is under way, and none once the
/// condition is off or told. So it costs an idle port nothing and a busy one a timer per <paramref name="patience"/>.
/// </remarks>
/// <param name="loop">Has the timer.</param>
/// <param name="patience">How long it has to last.</param>
/// <param name="lasted">Told with its beginning when it has. False = it is nothing after all: it is off.</param>
/// <param name="ended">Told when it is over after it was told.</param>
internal sealed class LastingCondition(DeviceLoop loop, TimeSpan patience, Func<DateTimeOffset, bool> lasted, Action ended)
{
    private readonly long _patience = (long)patience.TotalMilliseconds;
    private Action? _fire;
    private LoopTimer? _timer;
    private long _since;
    private bool _isTold;

    public bool IsOn { get; private set; }

    /// <summary>The condition holds, now or still.</summary>
    public void Begin()
    {
        if (!IsOn)
        {
            IsOn = true;
            _since = Environment.TickCount64;
            Arm(_patience);
        }
    }

    /// <summary>The condition holds no more.</summary>
    /// <returns>Milliseconds it held.</returns>
    public long End()
    {
        if (!IsOn)
        {
            return 0;
        }

        IsOn = false;
        if (_isTold)
        {
            _isTold = false;
            ended();
        }

        return Environment.TickCount64 - _since;
    }

    /// <summary>It is of no interest any more; a timer that is under way keeps nothing of it.</summary>
    /// <returns>Milliseconds it held.</returns>
    public long Stop()
    {
        _timer?.Dispose();
        return End();
    }

    private void Arm(long milliseconds) => _timer ??= loop.After(TimeSpan.FromMilliseconds(milliseconds), _fire ??= Fire);

    private void Fire()
    {
        _timer = null;
        if (!IsOn || _isTold)
        {
            return;
        }

        long held = Environment.TickCount64 - _since;
        if (held < _patience)
        {
            Arm(_patience - held);
        }
        else if (lasted(DateTimeOffset.UtcNow.AddMilliseconds(-held)))
        {
            _isTold = true;
        }
        else
        {
            IsOn = false;
        }
    }
}
