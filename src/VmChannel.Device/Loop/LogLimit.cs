namespace VmChannel.Device.Loop;

/// <summary>Lets a few log lines through and counts the rest: what a guest can trigger, it can trigger for ever.</summary>
internal sealed class LogLimit
{
    private const int Burst = 5;
    private const long RefillMs = 10_000;

    private int _left = Burst;
    private long _lastRefill = Environment.TickCount64;

    /// <summary>Lines swallowed since the last that passed.</summary>
    public long Suppressed { get; private set; }

    public bool Pass()
    {
        long now = Environment.TickCount64;
        if (now - _lastRefill >= RefillMs)
        {
            _lastRefill = now;
            _left = Burst;
        }

        if (_left == 0)
        {
            Suppressed++;
            return false;
        }

        _left--;
        Suppressed = 0;
        return true;
    }
}
