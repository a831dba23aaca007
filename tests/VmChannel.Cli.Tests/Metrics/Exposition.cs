using System.Globalization;
using System.Text.RegularExpressions;
using Xunit;

namespace VmChannel.Cli.Tests.Metrics;

/// <summary>Prometheus's text format 0.0.4, read as strictly as it can be: what is not as the specification has it fails the test.</summary>
internal sealed partial class Exposition
{
    private readonly Dictionary<string, Family> _families = [];

    private Exposition()
    {
    }

    public IReadOnlyDictionary<string, Family> Families => _families;

    public static Exposition Parse(string text)
    {
        Assert.EndsWith("\n", text, StringComparison.Ordinal);
        Exposition exposition = new();
        Family? family = null;
        foreach (string line in text[..^1].Split('\n'))
        {
            if (line.StartsWith("# HELP ", StringComparison.Ordinal))
            {
                Match help = Whole(Help(), line);
                family = new Family(help.Groups["help"].Value);
                Assert.True(exposition._families.TryAdd(help.Groups["name"].Value, family), $"a second family: {line}");
            }
            else if (line.StartsWith("# TYPE ", StringComparison.Ordinal))
            {
                Match type = Whole(Type(), line);
                Assert.Same(family, exposition._families.GetValueOrDefault(type.Groups["name"].Value));
                Assert.True(family!.Type.Length == 0 && family.Samples.Count == 0, $"late or twice: {line}");
                family.Type = type.Groups["type"].Value;
            }
            else
            {
                Match sample = Whole(Sample(), line);
                Assert.Same(family, exposition._families.GetValueOrDefault(sample.Groups["name"].Value));
                Assert.NotEmpty(family!.Type);
                SortedDictionary<string, string> labels = Labels(sample.Groups["labels"].Value);
                string key = string.Join(',', labels.Select(label => $"{label.Key}={label.Value}"));
                Assert.True(family.Samples.TryAdd(key, double.Parse(sample.Groups["value"].Value, CultureInfo.InvariantCulture)), $"twice: {line}");
            }
        }

        return exposition;
    }

    /// <summary>A sample's value.</summary>
    /// <param name="name">The family.</param>
    /// <param name="labels">All its labels, sorted: <c>port=1,vm=web</c>.</param>
    public double Value(string name, string labels)
    {
        Assert.True(_families.TryGetValue(name, out Family? family), $"there is no {name}, but {string.Join(", ", _families.Keys)}");
        Assert.True(family.Samples.TryGetValue(labels, out double value), $"{name} has no {labels}, but {string.Join("; ", family.Samples.Keys)}");
        return value;
    }

    private static Match Whole(Regex pattern, string line)
    {
        Match match = pattern.Match(line);
        Assert.True(match.Success, $"not as the format has it: {line}");
        return match;
    }

    private static SortedDictionary<string, string> Labels(string text)
    {
        SortedDictionary<string, string> labels = new(StringComparer.Ordinal);
        foreach (Match label in Label().Matches(text))
        {
            string value = Escape().Replace(label.Groups["value"].Value, escape => escape.Value switch
            {
                @"\n" => "\n",
                string other => other[1..],
            });
            Assert.True(labels.TryAdd(label.Groups["name"].Value, value), $"a label twice: {text}");
        }

        return labels;
    }

    [GeneratedRegex(@"^# HELP (?<name>[a-zA-Z_:][a-zA-Z0-9_:]*) (?<help>(?:[^\\]|\\\\|\\n)+)$")]
    private static partial Regex Help();

    [GeneratedRegex("^# TYPE (?<name>[a-zA-Z_:][a-zA-Z0-9_:]*) (?<type>counter|gauge)$")]
    private static partial Regex Type();

    [GeneratedRegex("""^(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?<labels>[a-zA-Z_][a-zA-Z0-9_]*="([^"\\]|\\\\|\\"|\\n)*"(,[a-zA-Z_][a-zA-Z0-9_]*="([^"\\]|\\\\|\\"|\\n)*")*)\})? (?<value>-?[0-9]+(\.[0-9]+)?(E[+-]?[0-9]+)?)$""")]
    private static partial Regex Sample();

    [GeneratedRegex("""(?<name>[a-zA-Z_][a-zA-Z0-9_]*)="(?<value>([^"\\]|\\.)*)"(,|$)""")]
    private static partial Regex Label();

    [GeneratedRegex(@"\\.")]
    private static partial Regex Escape();

    /// <summary>Samples of one name.</summary>
    internal sealed record Family(string Help)
    {
        public string Type { get; set; } = "";

        /// <summary>Values by their labels, sorted.</summary>
        public Dictionary<string, double> Samples { get; } = [];
    }
}
