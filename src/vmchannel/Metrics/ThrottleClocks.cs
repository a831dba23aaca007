using System.Runtime.CompilerServices;
using VmChannel.Device.Ports;

namespace VmChannel.Cli.Metrics;

/// <summary>How long ports have been throttled, the period that still lasts included. Thread-safe.</summary>
/// <remarks>
/// A port publishes the sum of the periods that are over, and the beginning of one that lasts, one after the other. A look
/// between the two misses a period for a moment; so that no clock ever goes back, each remembers what it showed.
/// </remarks>
internal sealed class ThrottleClocks
{
    private readonly ConditionalWeakTable<Port, Clock> _clocks = [];

    public TimeSpan Read(Port port) => _clocks.GetValue(port, static _ => new Clock()).Read(port);

    private sealed class Clock
    {
        private long _shown;

        public TimeSpan Read(Port port)
        {
            // In this order: a period that ends in between is missed, not counted twice.
            long milliseconds = port.Counters.ThrottledMilliseconds;
            if (port.State.ThrottledSince is DateTimeOffset since)
            {
                milliseconds += Math.Max(0, (long)(DateTimeOffset.UtcNow - since).TotalMilliseconds);
            }

            long shown = Volatile.Read(ref _shown);
            while (milliseconds > shown)
            {
                long seen = Interlocked.CompareExchange(ref _shown, milliseconds, shown);
                shown = seen == shown ? milliseconds : seen;
            }

            return TimeSpan.FromMilliseconds(shown);
        }
    }
}
