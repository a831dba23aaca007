namespace VmChannel.SystemTests.Rig;

/// <summary>Deadlines: generous, because they only matter when something is broken.</summary>
internal static class Patience
{
    public static readonly TimeSpan Short = TimeSpan.FromSeconds(60);

    /// <summary>For gigabytes, and for emulated machines.</summary>
    public static readonly TimeSpan Long = TimeSpan.FromMinutes(5);

    /// <summary>Completes when the condition holds; it is looked at every few milliseconds.</summary>
    public static async Task UntilAsync(Func<bool> condition, Func<string> failure, TimeSpan? patience = null)
    {
        using CancellationTokenSource limit = new(patience ?? Short);
        while (!condition())
        {
            if (limit.IsCancellationRequested)
            {
                throw new TimeoutException(failure());
            }

            await Task.Delay(5, CancellationToken.None);
        }
    }
}
