using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization.Metadata;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using VmChannel.Cli.Control;
using VmChannel.Control;

namespace VmChannel.Cli.Tests.Control;

/// <summary>The OpenAPI 3.1 document of a table of routes: schemas come from the contract's own JSON metadata.</summary>
internal static partial class OpenApiDocument
{
    public static string Of(IEnumerable<ControlRoute> routes)
    {
        JsonObject schemas = [];
        JsonObject paths = [];
        foreach (ControlRoute route in routes)
        {
            if (paths[route.Pattern] is not JsonObject path)
            {
                paths[route.Pattern] = path = [];
            }

            path[route.Method.ToLowerInvariant()] = Operation(route, schemas);
        }

        JsonObject document = new()
        {
            ["openapi"] = "3.1.0",
            ["info"] = new JsonObject
            {
                ["title"] = "vmchannel control API",
                ["version"] = "1",
                ["description"] = "Errors are application/problem+json (RFC 9457). {port} is a number, a name, or the end of a name that no other port's has.",
            },
            ["paths"] = paths,
            ["components"] = new JsonObject { ["schemas"] = schemas },
        };
        return document.ToJsonString(new JsonSerializerOptions { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }) + "\n";
    }

    private static JsonObject Operation(ControlRoute route, JsonObject schemas)
    {
        JsonArray parameters = [];
        foreach (Match name in PathName().Matches(route.Pattern))
        {
            parameters.Add(new JsonObject
            {
                ["name"] = name.Groups[1].Value,
                ["in"] = "path",
                ["required"] = true,
                ["schema"] = new JsonObject { ["type"] = "string" },
            });
        }

        foreach ((string name, string meaning) in route.Query)
        {
            parameters.Add(new JsonObject
            {
                ["name"] = name,
                ["in"] = "query",
                ["description"] = meaning,
                ["schema"] = new JsonObject { ["type"] = "string" },
            });
        }

        JsonObject operation = new() { ["summary"] = route.Summary };
        if (parameters.Count > 0)
        {
            operation["parameters"] = parameters;
        }

        if (route.Body is not null)
        {
            operation["requestBody"] = new JsonObject { ["required"] = true, ["content"] = Content("application/json", route.Body, schemas) };
        }

        if (route.DataBody.Count > 0)
        {
            operation["requestBody"] = new JsonObject { ["required"] = true, ["content"] = Data(route.DataBody) };
        }

        operation["responses"] = new JsonObject
        {
            [$"{route.Status}"] = route.Status == StatusCodes.Status101SwitchingProtocols
                ? new JsonObject { ["description"] = "The connection speaks another protocol from here on." }
                : new JsonObject
                {
                    ["description"] = "Done.",
                    ["content"] = route.Answer is null ? Data([route.MediaType, .. route.OtherMediaTypes]) : Content(route.MediaType, route.Answer, schemas),
                },
            ["default"] = new JsonObject
            {
                ["description"] = "Not done.",
                ["content"] = Content(Problem.MediaType, ControlJson.Default.Problem, schemas),
            },
        };
        return operation;
    }

    private static JsonObject Data(IEnumerable<string> mediaTypes)
        => new(mediaTypes.Select(type => KeyValuePair.Create<string, JsonNode?>(type, new JsonObject())));

    private static JsonObject Content(string mediaType, JsonTypeInfo type, JsonObject schemas)
        => new() { [mediaType] = new JsonObject { ["schema"] = Schema(type, schemas) } };

    private static JsonObject Schema(JsonTypeInfo type, JsonObject schemas)
    {
        if (type.Kind == JsonTypeInfoKind.Enumerable)
        {
            return new JsonObject { ["type"] = "array", ["items"] = Schema(type.Options.GetTypeInfo(type.ElementType!), schemas) };
        }

        string name = type.Type.Name;
        if (schemas[name] is null)
        {
            schemas[name] = type.GetJsonSchemaAsNode(new JsonSchemaExporterOptions { TreatNullObliviousAsNonNullable = true });
        }

        return new JsonObject { ["$ref"] = $"#/components/schemas/{name}" };
    }

    [GeneratedRegex(@"\{(\w+)\}")]
    private static partial Regex PathName();
}
