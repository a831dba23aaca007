namespace VmChannel.Bench.Results;

/// <summary>Values of one measure, in the order in which they were measured.</summary>
internal sealed record Series(IReadOnlyList<double> Values)
{
    public double Median => Percentile(0.5);

    public double Min => Values.Min();

    public double Max => Values.Max();

    /// <summary>The value that this part of all values do not exceed, between neighbours if need be.</summary>
    public double Percentile(double part)
    {
        double[] sorted = [.. Values.Order()];
        double position = part * (sorted.Length - 1);
        int below = (int)position;
        int above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + ((sorted[above] - sorted[below]) * (position - below));
    }

    /// <summary>This divided by the other, run by run: both halves of a pair met the same noise.</summary>
    public Series Over(Series other) => new([.. Values.Zip(other.Values, (mine, theirs) => theirs == 0 ? double.NaN : mine / theirs)]);
}
