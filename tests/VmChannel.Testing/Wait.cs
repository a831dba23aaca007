namespace VmChannel.Testing;

/// <summary>Waits for what another thread brings about.</summary>
public static class Wait
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <exception cref="TimeoutException">It did not happen.</exception>
    public static void Until(Func<bool> condition, string what)
    {
        if (!SpinWait.SpinUntil(condition, Patience))
        {
            throw new TimeoutException($"waited {Patience.TotalSeconds} s for {what}");
        }
    }
}
