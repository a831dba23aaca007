namespace VmChannel.Device.Services;

/// <summary>How long to wait before trying again: twice as long each time, up to a limit.</summary>
internal sealed class RetryPause(TimeSpan first, TimeSpan longest)
{
    // Zero is the first one.
    private TimeSpan _next;

    /// <summary>The pause for a failure now.</summary>
    /// <param name="lasted">How long it had worked; longer than the longest pause starts over.</param>
    public TimeSpan Take(TimeSpan lasted)
    {
        TimeSpan pause = lasted > longest || _next == default ? first : _next;
        _next = pause * 2 < longest ? pause * 2 : longest;
        return pause;
    }

    /// <summary>It worked to its end.</summary>
    public void Reset() => _next = default;
}
