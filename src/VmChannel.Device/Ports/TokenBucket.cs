using System.Diagnostics;

namespace VmChannel.Device.Ports;

/// <summary>Bytes that may pass now: they come in at a rate, and at most a tenth of a second's worth waits.</summary>
/// <remarks>The caller says what time it is (<see cref="Stopwatch.GetTimestamp"/>): nothing here waits or looks.</remarks>
internal sealed class TokenBucket
{
    // A page at least, or a slow port could never move one.
    private const long LeastCapacityBytes = 4096;

    private readonly double _bytesPerTick;
    private readonly double _capacity;
    private double _bytes;
    private long _filledAt;

    public TokenBucket(long bytesPerSecond, long now)
    {
        _bytesPerTick = (double)bytesPerSecond / Stopwatch.Frequency;
        _capacity = Math.Max(LeastCapacityBytes, bytesPerSecond / 10.0);
        _bytes = bytesPerSecond / 10.0;
        _filledAt = now;
        Portion = Math.Max(1, bytesPerSecond / 20);
    }

    /// <summary>Bytes worth waiting for: half of what a full bucket of a fast port holds, so that a late wake-up loses nothing.</summary>
    public long Portion { get; }

    /// <summary>Whole bytes there are.</summary>
    public long Available(long now)
    {
        _bytes = Math.Min(_capacity, _bytes + ((now - _filledAt) * _bytesPerTick));
        _filledAt = now;
        return (long)_bytes;
    }

    public void Take(long bytes) => _bytes -= bytes;

    /// <summary>Time until so many bytes are there, as seen at the last <see cref="Available"/>; at least a millisecond.</summary>
    public TimeSpan TimeUntil(long bytes)
        => TimeSpan.FromMilliseconds(Math.Max(1, Math.Ceiling((bytes - _bytes) / _bytesPerTick * 1000 / Stopwatch.Frequency)));
}
