using System.Buffers.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace VmChannel.Control.Agent;

/// <summary>Values that agents return, as they are read.</summary>
internal static class AgentValue
{
    public static bool TryReadNumber(ReadOnlySpan<byte> value, out long number)
        => Utf8Parser.TryParse(value, out number, out int consumed) && consumed == value.Length;

    /// <exception cref="AgentException">It is something else.</exception>
    public static long Number(Memory<byte> value) => TryReadNumber(value.Span, out long number) ? number : throw Unexpected("a number");

    /// <exception cref="AgentException">It is something else.</exception>
    public static T Object<T>(Memory<byte> value, JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(value.Span, type) ?? throw Unexpected("an object");
        }
        catch (Exception e) when (e is JsonException or FormatException)
        {
            throw new AgentException($"the agent's answer makes no sense: {e.Message}", e);
        }
    }

    public static AgentException Unexpected(string wanted) => new($"the agent's answer makes no sense: it is not {wanted}");
}
