using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using VmChannel.Cli.CommandLine;
using VmChannel.Control;

namespace VmChannel.Cli.Client;

/// <summary>A verb with its words.</summary>
/// <param name="Servers">Where to look.</param>
/// <param name="Vm">The VM that was named; null = the only one.</param>
/// <param name="Words">What follows it.</param>
/// <param name="IsJson">The answer is for a program.</param>
/// <param name="Parsed">The whole line.</param>
internal sealed record ClientCall(ServerFinder Servers, string? Vm, string[] Words, bool IsJson, ParseResult Parsed)
{
    /// <summary>For people who read JSON, too.</summary>
    private static readonly ControlJson Indented = new(new JsonSerializerOptions(ControlJson.Default.Options) { WriteIndented = true });

    /// <exception cref="ControlException">There is none, or there are several and none was named.</exception>
    public Task<VmTarget> FindVmAsync(CancellationToken cancellationToken) => Servers.FindAsync(Vm, cancellationToken);

    /// <summary>Writes an answer: as JSON, or as text for people.</summary>
    public void Answer<T>(T value, JsonTypeInfo<T> type, Func<T, string> text)
        => StandardStream.WriteOutput(
            IsJson ? JsonSerializer.Serialize(value, Indented.GetTypeInfo(type.Type)!) + "\n" : text(value));
}
