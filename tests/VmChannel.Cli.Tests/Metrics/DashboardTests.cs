using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using VmChannel.Cli.Tests.Control;
using Xunit;

namespace VmChannel.Cli.Tests.Metrics;

/// <summary>The Grafana dashboard asks for nothing that the server does not tell.</summary>
public sealed partial class DashboardTests
{
    private static readonly JsonObject Dashboard =
        JsonNode.Parse(File.ReadAllText(Path.Combine(Repository.Root, "packaging", "grafana", "vmchannel.json")))!.AsObject();

    [Fact]
    public async Task Queries_NameMetricsAndLabelsThatThereAre()
    {
        await using ControlRig rig = new();
        _ = await rig.AddAsync("web", "port=1,protocol=test.echo,service=echo");
        Exposition exposition = Exposition.Parse(await rig.Http.GetStringAsync(new Uri("metrics", UriKind.Relative), ControlRig.Cancellation));
        string[] queries = [.. Queries(Dashboard)];

        Assert.True(queries.Length > 15, $"{queries.Length} queries found");
        foreach (string query in queries)
        {
            MatchCollection metrics = Metric().Matches(query);
            Assert.NotEmpty(metrics);
            foreach (Match metric in metrics)
            {
                Assert.True(exposition.Families.ContainsKey(metric.Groups["name"].Value), $"no such metric: {query}");
                string[] labels = ["reason", .. exposition.Families[metric.Groups["name"].Value].Samples.Keys
                    .SelectMany(key => key.Split(',')).Select(label => label.Split('=')[0])];
                Assert.All(Label().Matches(metric.Groups["selector"].Value), label => Assert.Contains(label.Groups["name"].Value, labels));
            }
        }
    }

    [Fact]
    public void Panels_HaveTitlesAndNumbersOfTheirOwn()
    {
        JsonObject[] panels = [.. Dashboard["panels"]!.AsArray().Select(panel => panel!.AsObject())];

        Assert.Equal(panels.Length, panels.Select(panel => panel["id"]!.GetValue<int>()).Distinct().Count());
        Assert.All(panels, panel => Assert.NotEmpty(panel["title"]!.GetValue<string>()));
        Assert.All(panels.Where(panel => panel["type"]!.GetValue<string>() != "row"), panel => Assert.Equal("${datasource}", panel["datasource"]!["uid"]!.GetValue<string>()));
    }

    [Fact]
    public void Variables_AreTheOnesThatQueriesUse()
    {
        string[] variables = [.. Dashboard["templating"]!["list"]!.AsArray().Select(variable => variable!["name"]!.GetValue<string>())];

        Assert.Equal(["datasource", "vm", "port"], variables);
        string[] known = [.. variables, "__rate_interval"];
        Assert.All(Queries(Dashboard).SelectMany(query => Variable().Matches(query)), used => Assert.Contains(used.Groups["name"].Value, known));
    }

    private static IEnumerable<string> Queries(JsonNode? node) => node switch
    {
        JsonObject parts => parts.SelectMany(part
            => part.Key is "expr" or "query" && part.Value is JsonValue value && value.TryGetValue(out string? text) && text != "prometheus"
                ? [text]
                : Queries(part.Value)),
        JsonArray items => items.SelectMany(Queries),
        _ => [],
    };

    [GeneratedRegex(@"(?<name>vmchannel_[a-z_]+)(\{(?<selector>[^}]*)\})?")]
    private static partial Regex Metric();

    [GeneratedRegex(@"(?<name>\w+)\s*(=~|!~|=|!=)")]
    private static partial Regex Label();

    [GeneratedRegex(@"\$\{?(?<name>\w+)\}?")]
    private static partial Regex Variable();
}
