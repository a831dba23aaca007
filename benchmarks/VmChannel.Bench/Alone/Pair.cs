using System.Diagnostics;
using System.Runtime.ExceptionServices;

namespace VmChannel.Bench.Alone;

/// <summary>Two things that are done at the same time.</summary>
internal static class Pair
{
    /// <summary>Seconds until both are done. The first runs on the calling thread.</summary>
    public static double Seconds(Action here, Action there)
    {
        ExceptionDispatchInfo? failure = null;
        using ManualResetEventSlim go = new();
        Thread other = new(() =>
        {
            go.Wait();
            try
            {
                there();
            }
            catch (Exception error)
            {
                failure = ExceptionDispatchInfo.Capture(error);
            }
        })
        { IsBackground = true };
        other.Start();
        long started = Stopwatch.GetTimestamp();
        go.Set();
        here();
        other.Join();
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        failure?.Throw();
        return seconds;
    }
}
