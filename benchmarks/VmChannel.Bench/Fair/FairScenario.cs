using System.Diagnostics;
using System.Globalization;
using VmChannel.Bench.Results;
using VmChannel.Native;

namespace VmChannel.Bench.Fair;

/// <summary>Many busy channels of one device: who gets how much, and how long a byte waits that has nothing to do with them.</summary>
internal sealed class FairScenario(BenchSettings settings, FairRig rig)
{
    private const double MiB = 1 << 20;

    /// <summary>A burst takes much longer than a round trip.</summary>
    private const int TurnsPerBurst = 4;

    private static readonly int[] Counts = [1, 4, FairRig.MostBulkPorts];

    private readonly List<Measure> _measures = [];

    public Section Run()
    {
        _ = rig.PingPong(settings.RoundTrips);
        foreach (bool fromGuest in (bool[])[true, false])
        {
            foreach (int ports in Counts)
            {
                Measure(string.Create(CultureInfo.InvariantCulture, $"{(fromGuest ? "guest→host" : "host→guest")}, bulk ports: {ports}"), ports, fromGuest);
            }

            Behind(fromGuest);
        }

        return new(
            "fair",
            "one device of vmchannel serve, driver double: bulk ports of 32 KiB messages, and a round trip of one byte on another port",
            "alone",
            "beside the bulk",
            _measures);
    }

    private void Measure(string name, int ports, bool fromGuest)
    {
        if (!settings.Wants(name))
        {
            return;
        }

        List<double> rates = [], fairness = [];
        (List<Series> beside, List<Series> alone) = settings.InTurns(
            () =>
            {
                using BulkLoad load = rig.Load(ports, fromGuest);
                Share(load, rates, fairness);
                return Turns();
            },
            Turns);
        _measures.AddRange(Results.Measure.Percentiles($"{name}, round trip", "µs", beside, alone, 50, 99));
        _measures.Add(new($"{name}, all together", "MiB/s", new(rates)));
        if (ports > 1)
        {
            _measures.Add(new($"{name}, Jain's index of their bytes", "", new(fairness)));
        }
    }

    private void Behind(bool fromGuest)
    {
        string name = string.Create(
            CultureInfo.InvariantCulture, $"{(fromGuest ? "guest→host" : "host→guest")}, a byte behind a burst on {FairRig.MostBulkPorts} ports");
        if (settings.Wants(name))
        {
            (List<Series> behind, List<Series> alone) = settings.InTurns(() => Times(FairRig.MostBulkPorts), () => Times(0));
            _measures.AddRange(Results.Measure.Percentiles($"{name},", "µs", behind, alone, 50, 99));
        }

        Series Times(int ports)
        {
            Burst burst = rig.Burst(ports);
            int count = settings.RoundTrips / TurnsPerBurst;
            return new(fromGuest ? burst.FromGuest(count) : burst.ToGuest(count));
        }
    }

    private Series Turns() => new(rig.PingPong(settings.RoundTrips));

    private void Share(BulkLoad load, List<double> rates, List<double> fairness)
    {
        _ = Poll.Wait([], TimeSpan.FromSeconds(settings.Seconds / 2));
        double[] before = load.Moved;
        long started = Stopwatch.GetTimestamp();
        _ = Poll.Wait([], TimeSpan.FromSeconds(settings.Seconds));
        double[] moved = [.. load.Moved.Zip(before, (now, then) => now - then)];
        rates.Add(moved.Sum() / MiB / Stopwatch.GetElapsedTime(started).TotalSeconds);
        fairness.Add(moved.Sum() * moved.Sum() / (moved.Length * moved.Sum(bytes => bytes * bytes)));
    }
}
