using VmChannel.Bench.Results;

namespace VmChannel.Bench.Guests;

/// <summary>Runs two contestants in turns within one boot, or one alone, and turns what came out into lines.</summary>
/// <param name="settings">How often and how long.</param>
/// <param name="processes">The books on the rig's processes.</param>
/// <param name="ours">The contestant under test.</param>
/// <param name="other">What it is compared with; null for none.</param>
internal sealed class PairedRuns(BenchSettings settings, ProcessAccount processes, Contestant ours, Contestant? other)
{
    private const double MiB = 1 << 20;
    private const double GiB = 1 << 30;

    private readonly List<Measure> _measures = [];

    /// <summary>Whose work the figures beside speed are about.</summary>
    private string Outside => processes.KnowsMonitor ? "outside the guest" : "device";

    public IReadOnlyList<Measure> Measures => _measures;

    /// <summary>Measures a throughput, and the CPU time a gigabyte costs.</summary>
    /// <param name="name">For the table.</param>
    /// <param name="run">Moves so many bytes for one contestant and returns the seconds.</param>
    public void Throughput(string name, Func<Contestant, long, double> run)
    {
        if (!settings.Wants(name))
        {
            return;
        }

        long bytes = settings.Calibrate(count => run(ours, count));
        if (other is not null)
        {
            bytes = Math.Min(bytes, settings.Calibrate(count => run(other, count)));
        }

        (List<(double Speed, ProcessUse Use)> mine, List<(double Speed, ProcessUse Use)> theirs) = InTurns(contestant => One(contestant, bytes, run));
        Add(name, "MiB/s", run => run.Speed, mine, theirs);
        Add($"{name}, {Outside}", "CPU s/GiB", run => run.Use.Outside / (bytes / GiB), mine, theirs);
        if (processes.KnowsMonitor)
        {
            Add($"{name}, guest and all", "CPU s/GiB", run => run.Use.Total / (bytes / GiB), mine, theirs);
        }

        Add($"{name}, {Outside}", "wake-ups/MiB", run => run.Use.Wakeups / (bytes / MiB), mine, theirs);
        Profile(name, "per MiB", bytes / MiB, contestant => _ = run(contestant, bytes));
    }

    /// <summary>Measures the round trip of one byte, and the CPU time it costs.</summary>
    public void RoundTrips(Func<Contestant, int, double[]> run)
    {
        const string Name = "round trip 1 byte";
        if (!settings.Wants(Name))
        {
            return;
        }

        int count = settings.RoundTrips;
        (List<(Series Turns, ProcessUse Use)> mine, List<(Series Turns, ProcessUse Use)> theirs) = InTurns(contestant => Turns(contestant, count, run));
        Add($"{Name}, p50", "µs", run => run.Turns.Median, mine, theirs);
        Add($"{Name}, p99", "µs", run => run.Turns.Percentile(0.99), mine, theirs);
        Add($"{Name}, {Outside}", "CPU µs", run => run.Use.Outside * 1e6 / count, mine, theirs);
        Add($"{Name}, {Outside}", "wake-ups", run => (double)run.Use.Wakeups / count, mine, theirs);
        Profile(Name, "each", count, contestant => _ = run(contestant, count));
    }

    /// <summary>Counts system calls by process and name, in runs of their own: counting takes time.</summary>
    private void Profile(string name, string unit, double parts, Action<Contestant> run)
    {
        if (!settings.IsProfile)
        {
            return;
        }

        (List<Dictionary<string, long>> mine, List<Dictionary<string, long>> theirs) = InTurns(contestant => Count(() => run(contestant)));
        foreach (string call in mine.Concat(theirs).SelectMany(counts => counts.Keys).Distinct().Order(StringComparer.Ordinal))
        {
            Add($"{name}, {call}", unit, counts => counts.GetValueOrDefault(call) / parts, mine, theirs);
        }
    }

    private Dictionary<string, long> Count(Action run)
    {
        List<(string Process, CallCounts Counts)> counting = [.. processes.All.Select(process => (process.Name, CallCounts.Start(process.Id)))];
        run();
        Dictionary<string, long> all = [];
        foreach ((string process, CallCounts counts) in counting)
        {
            foreach ((string call, long count) in counts.Stop())
            {
                all[$"{process}: {call}"] = count;
            }

            counts.Dispose();
        }

        return all;
    }

    private (List<T> Mine, List<T> Theirs) InTurns<T>(Func<Contestant, T> run)
        => settings.InTurns(() => run(ours), other is null ? null : () => run(other));

    private (double Speed, ProcessUse Use) One(Contestant contestant, long bytes, Func<Contestant, long, double> run)
    {
        ProcessUse before = processes.Now();
        double seconds = run(contestant, bytes);
        return (bytes / MiB / seconds, processes.Now() - before);
    }

    private (Series Turns, ProcessUse Use) Turns(Contestant contestant, int count, Func<Contestant, int, double[]> run)
    {
        _ = run(contestant, Math.Max(1, count / 10));
        ProcessUse before = processes.Now();
        double[] turns = run(contestant, count);
        return (new(turns), processes.Now() - before);
    }

    private void Add<T>(string name, string unit, Func<T, double> value, List<T> mine, List<T> theirs)
        => _measures.Add(new(
            name, unit, new([.. mine.Select(value)]), theirs.Count > 0 ? new Series([.. theirs.Select(value)]) : null));
}
