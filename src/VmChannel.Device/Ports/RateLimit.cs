using System.Diagnostics;
using VmChannel.Device.Loop;

namespace VmChannel.Device.Ports;

/// <summary>The rate of one direction of a port (<c>rate=</c>). While nothing may pass the port sleeps; a timer wakes it. Loop thread only.</summary>
internal sealed class RateLimit : IDisposable
{
    /// <summary>A pause between two sleeps that is longer than this ends the throttling.</summary>
    private static readonly long CalmTicks = Stopwatch.Frequency;

    private readonly DeviceLoop _loop;
    private readonly LoopTimer _timer;
    private readonly TokenBucket _bucket;
    private DateTimeOffset _since;
    private long? _sleptAt;

    /// <param name="loop">Its timers wake the port.</param>
    /// <param name="bytesPerSecond">The rate.</param>
    /// <param name="wake">Called when more may pass.</param>
    public RateLimit(DeviceLoop loop, long bytesPerSecond, Action wake)
    {
        _loop = loop;
        _timer = new LoopTimer(wake);
        _bucket = new TokenBucket(bytesPerSecond, Stopwatch.GetTimestamp());
    }

    /// <summary>Since when more wants to pass than may, UTC; null when that is over for a second.</summary>
    public DateTimeOffset? ThrottledSince
        => _timer.IsPending || (_sleptAt is long sleptAt && Stopwatch.GetTimestamp() - sleptAt <= CalmTicks) ? _since : null;

    /// <summary>How many of these bytes may pass now. None: a wake-up follows.</summary>
    public long Grant(long wanted)
    {
        if (_timer.IsPending)
        {
            return 0;
        }

        long now = Stopwatch.GetTimestamp();
        long available = _bucket.Available(now);

        // Crumbs would wake everybody for next to nothing.
        if (available < Math.Min(wanted, _bucket.Portion))
        {
            Sleep(now, Math.Min(wanted, _bucket.Portion));
            return 0;
        }

        return Math.Min(wanted, available);
    }

    /// <summary>What passed in the end. A wake-up follows when it was all that was granted, and more was wanted.</summary>
    public void Spend(long wanted, long granted, long moved)
    {
        _bucket.Take(moved);
        if (moved == granted && granted < wanted)
        {
            Sleep(Stopwatch.GetTimestamp(), Math.Min(wanted - granted, _bucket.Portion));
        }
    }

    public void Dispose() => _timer.Dispose();

    private void Sleep(long now, long bytes)
    {
        if (_sleptAt is not long sleptAt || now - sleptAt > CalmTicks)
        {
            _since = DateTimeOffset.UtcNow;
        }

        _sleptAt = now;
        _loop.Set(_timer, _bucket.TimeUntil(bytes));
    }
}
