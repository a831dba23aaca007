namespace VmChannel.Guest;

/// <summary>The end of a wait that is made of several.</summary>
internal readonly struct Deadline(TimeSpan timeout)
{
    private readonly long _start = Environment.TickCount64;

    /// <summary>What is left; never below zero, or infinite.</summary>
    public TimeSpan Left
    {
        get
        {
            if (timeout < TimeSpan.Zero)
            {
                return Timeout.InfiniteTimeSpan;
            }

            TimeSpan left = timeout - TimeSpan.FromMilliseconds(Environment.TickCount64 - _start);
            return left > TimeSpan.Zero ? left : TimeSpan.Zero;
        }
    }

    public bool IsOver => Left == TimeSpan.Zero;
}
