namespace VmChannel.Device.Loop;

/// <summary>Lets a few log lines through and counts the rest: what a guest or a client can trigger, it can trigger for ever. Any thread.</summary>
/// <param name="burst">Lines that pass in ten seconds.</param>
internal sealed class LogLimit(int burst = 5)
{
    private const long RefillMs = 10_000;

    private readonly Lock _lock = new();
    private int _used;
    private long _lastRefill = Environment.TickCount64;
    private long _swallowed;

    /// <summary>True when a line may be written now; <paramref name="swallowed"/> is how many were not since the last one.</summary>
    public bool Pass(out long swallowed)
    {
        lock (_lock)
        {
            long now = Environment.TickCount64;
            if (now - _lastRefill >= RefillMs)
            {
                _lastRefill = now;
                _used = 0;
            }

            swallowed = 0;
            if (_used == burst)
            {
                _swallowed++;
                return false;
            }

            _used++;
            (swallowed, _swallowed) = (_swallowed, 0);
            return true;
        }
    }
}
