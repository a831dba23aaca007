using System.Globalization;

namespace VmChannel.Cli.CommandLine;

/// <summary>Times as people write them: <c>10s</c>, <c>500ms</c>, <c>1.5m</c>, <c>2h</c>; a number alone is seconds.</summary>
internal static class TimeText
{
    private static readonly (string Unit, double Seconds)[] Units = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600)];

    /// <param name="option">For the message.</param>
    /// <param name="text">What was written.</param>
    /// <param name="least">What it must not be below.</param>
    /// <param name="most">Nor above.</param>
    /// <exception cref="UsageException">It is none of these, or out of bounds.</exception>
    public static TimeSpan Read(string option, string text, TimeSpan least, TimeSpan most)
    {
        (string unit, double factor) = Array.Find(Units, unit => text.EndsWith(unit.Unit, StringComparison.Ordinal)) is { Unit: not null } found ? found : ("", 1);
        if (!double.TryParse(text.AsSpan(0, text.Length - unit.Length), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number))
        {
            throw new UsageException($"{option} {text}: a time is needed, such as 10s, 500ms or 2m");
        }

        double seconds = number * factor;
        return seconds >= least.TotalSeconds && seconds <= most.TotalSeconds
            ? TimeSpan.FromSeconds(seconds)
            : throw new UsageException($"{option} {text}: it must be from {Of(least)} to {Of(most)}");
    }

    private static string Of(TimeSpan time)
        => time.TotalSeconds < 1 ? $"{time.TotalMilliseconds:0}ms" : time.TotalHours >= 1 ? $"{time.TotalHours:0}h" : $"{time.TotalSeconds:0}s";
}
