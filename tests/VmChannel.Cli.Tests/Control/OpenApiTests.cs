using System.Net;
using System.Text.Json.Nodes;
using VmChannel.Cli.Control;
using VmChannel.Cli.Serve;
using Xunit;

namespace VmChannel.Cli.Tests.Control;

public sealed class OpenApiTests
{
    /// <summary>Set, the test writes the document instead of comparing it.</summary>
    private const string Update = "VMCHANNEL_UPDATE_OPENAPI";

    [Fact]
    public void Document_InTheRepository_IsThatOfTheRoutes()
    {
        string document = OpenApiDocument.Of(ControlRoutes.All);
        if (Environment.GetEnvironmentVariable(Update) is { Length: > 0 })
        {
            File.WriteAllText(Committed, document);
        }

        Assert.Equal(document, File.ReadAllText(Committed));
    }

    [Fact]
    public async Task Document_FromTheServer_IsTheOneInTheRepository()
    {
        await using ControlRig rig = new();

        Assert.Equal(await File.ReadAllTextAsync(Committed, ControlRig.Cancellation), await rig.Http.GetStringAsync(new Uri("v1/openapi.json", UriKind.Relative), ControlRig.Cancellation));
    }

    [Fact]
    public async Task EveryOperation_OfTheDocument_IsTheServers()
    {
        await using ControlRig rig = new();
        VmHost vm = await rig.AddAsync("web", "port=1,protocol=test.echo,service=echo");
        JsonObject paths = JsonNode.Parse(await File.ReadAllTextAsync(Committed, ControlRig.Cancellation))!["paths"]!.AsObject();
        foreach ((string path, JsonNode? operations) in paths)
        {
            string real = path.Replace("{vm}", vm.Name, StringComparison.Ordinal).Replace("{port}", "1", StringComparison.Ordinal);
            foreach (string method in operations!.AsObject().Select(operation => operation.Key.ToUpperInvariant()).Where(method => method != "DELETE"))
            {
                using HttpRequestMessage request = new(new HttpMethod(method), real);
                using HttpResponseMessage response = await rig.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ControlRig.Cancellation);
                Assert.NotEqual(HttpStatusCode.NotFound, response.StatusCode);
                Assert.NotEqual(HttpStatusCode.MethodNotAllowed, response.StatusCode);
                if (response.IsSuccessStatusCode)
                {
                    JsonObject contents = operations[method.ToLowerInvariant()]!["responses"]![$"{(int)response.StatusCode}"]!["content"]!.AsObject();
                    Assert.Contains(response.Content.Headers.ContentType!.MediaType!, contents.Select(content => content.Key));
                }
            }
        }
    }

    private static string Committed
        => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Here())!, "..", "..", "..", "docs", "openapi.json"));

    private static string Here([System.Runtime.CompilerServices.CallerFilePath] string path = "") => path;
}
