namespace VmChannel.Device.Loop;

/// <summary>Lets a log line that a guest or a client can cause pass once per interval, and counts the others. Any thread.</summary>
internal sealed class LogGate(TimeProvider clock)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private long _next = long.MinValue;
    private long _held;

    /// <summary>True when the line may be written now; <paramref name="held"/> is how many were not since the last one.</summary>
    public bool TryPass(out long held)
    {
        lock (_lock)
        {
            long now = clock.GetTimestamp();
            if (now < _next)
            {
                _held++;
                held = 0;
                return false;
            }

            _next = now + (long)(Interval.TotalSeconds * clock.TimestampFrequency);
            held = _held;
            _held = 0;
            return true;
        }
    }
}
