using System.Diagnostics;

namespace VmChannel.Device.Loop;

/// <summary>How long a loop that has nothing to do looks around before it sleeps: as long as that pays. Loop thread only.</summary>
/// <remarks>
/// As KVM polls for a halted processor: a sleep that ended sooner than the longest look makes the next look longer, one that
/// lasted makes it shorter, down to none at all. So a loop that nobody needs is asleep, and one whose peers answer at once never sleeps.
/// </remarks>
/// <param name="most">The longest look; zero = never.</param>
internal sealed class BusyPoll(TimeSpan most)
{
    private const int Steps = 8;

    private readonly long _most = (long)(most.TotalSeconds * Stopwatch.Frequency);
    private long _window;
    private long _idleSince;

    /// <summary>May ever be on.</summary>
    public bool IsAllowed => _most > 0;

    /// <summary>The loop looks around before its next sleep.</summary>
    public bool IsOn => _window > 0;

    /// <summary>There is nothing to do from now on.</summary>
    public void Begin() => _idleSince = Stopwatch.GetTimestamp();

    /// <summary>Whether to look once more. False = sleep.</summary>
    public bool GoesOn() => _window > 0 && Stopwatch.GetTimestamp() - _idleSince < _window;

    /// <summary>The loop slept, and has been woken.</summary>
    public void OnSlept() => OnSlept(Stopwatch.GetTimestamp() - _idleSince);

    /// <summary>The same, after this many ticks of <see cref="Stopwatch"/> since there was nothing to do.</summary>
    internal void OnSlept(long idle)
    {
        long shortest = _most / Steps;
        _window = idle <= _most ? Math.Clamp(_window * 2, shortest, _most)
            : _window / 2 < shortest ? 0
            : _window / 2;
    }
}
