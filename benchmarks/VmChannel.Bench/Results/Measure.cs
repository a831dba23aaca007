using System.Globalization;

namespace VmChannel.Bench.Results;

/// <summary>One line of the table.</summary>
/// <param name="Name">What was measured.</param>
/// <param name="Unit">Of both series.</param>
/// <param name="Ours">What vmchannel reached.</param>
/// <param name="Other">What it is compared with, pair by pair; null for a figure that stands alone.</param>
internal sealed record Measure(string Name, string Unit, Series Ours, Series? Other = null)
{
    /// <summary>Ours divided by the other; null for a figure that stands alone or was too small to be seen.</summary>
    public Series? Ratio => Other is not null && Ours.Over(Other) is { } ratio && ratio.Values.All(double.IsFinite) ? ratio : null;

    /// <summary>A line for each of these percentiles of runs that have many values each, such as p99.</summary>
    public static IEnumerable<Measure> Percentiles(string name, string unit, IReadOnlyList<Series> ours, IReadOnlyList<Series> other, params IEnumerable<double> percentiles)
        => percentiles.Select(percentile => new Measure(
            string.Create(CultureInfo.InvariantCulture, $"{name} p{percentile}"),
            unit,
            new([.. ours.Select(run => run.Percentile(percentile / 100))]),
            new([.. other.Select(run => run.Percentile(percentile / 100))])));
}

/// <summary>Lines that belong together: one scenario, one pair of contestants.</summary>
/// <param name="Scenario">The word that selects it on the command line.</param>
/// <param name="Title">What it compares.</param>
/// <param name="OtherName">Head of the column of <see cref="Measure.Other"/>.</param>
/// <param name="OursName">Head of the column of <see cref="Measure.Ours"/>.</param>
/// <param name="Measures">The lines.</param>
internal sealed record Section(string Scenario, string Title, string OtherName, string OursName, IReadOnlyList<Measure> Measures);
