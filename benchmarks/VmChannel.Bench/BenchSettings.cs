namespace VmChannel.Bench;

/// <summary>How long and how often.</summary>
/// <param name="Runs">Pairs of each measure.</param>
/// <param name="Seconds">About how long one throughput run takes.</param>
/// <param name="RoundTrips">Turns of each round-trip run.</param>
/// <param name="Only">Part of the names of the measures to take; empty for all.</param>
/// <param name="PollMicroseconds">What <c>--poll-us</c> of our device is.</param>
/// <param name="IsProfile">Count system calls by name as well.</param>
internal sealed record BenchSettings(int Runs, double Seconds, int RoundTrips, string Only, int PollMicroseconds, bool IsProfile)
{
    private const long FirstBytes = 256 * 1024;

    public bool Wants(string measure) => measure.Contains(Only, StringComparison.OrdinalIgnoreCase);

    /// <summary>Who goes first in each pair, in turns: whatever drifts hits both alike.</summary>
    public IEnumerable<bool> Order()
    {
        for (int run = 0; run < Runs; run++)
        {
            yield return run % 2 == 0;
        }
    }

    /// <summary>Runs both of each pair, in that order.</summary>
    /// <param name="ours">A run of what is measured.</param>
    /// <param name="other">A run of what it is compared with; null for none.</param>
    public (List<T> Ours, List<T> Other) InTurns<T>(Func<T> ours, Func<T>? other)
    {
        List<T> mine = [], theirs = [];
        foreach (bool oursFirst in Order())
        {
            if (!oursFirst && other is not null)
            {
                theirs.Add(other());
            }

            mine.Add(ours());
            if (oursFirst && other is not null)
            {
                theirs.Add(other());
            }
        }

        return (mine, theirs);
    }

    /// <summary>How many bytes keep a run busy for the time wanted, in whole megabytes. Warms up by the way.</summary>
    /// <param name="run">Moves so many bytes and returns the seconds it took.</param>
    public long Calibrate(Func<long, double> run)
    {
        const long Step = 1 << 20;
        long bytes = FirstBytes;
        double seconds = run(bytes);
        while (seconds < Seconds / 8)
        {
            bytes *= 4;
            seconds = run(bytes);
        }

        return Math.Max(1, (long)(bytes * Seconds / seconds) / Step) * Step;
    }
}
