using System.Text.Json;

namespace VmChannel.Control.Agent;

/// <summary>One line of the agent: what a command returned, or why it was refused.</summary>
/// <param name="Return">Where in the line the value is; empty for a refusal.</param>
/// <param name="Error">The refusal; null when there is a value.</param>
/// <param name="Id">The command's id, when it had one.</param>
/// <remarks>
/// QMP as the agent speaks it (docs/interop/qmp-spec, qga/qapi-schema.json): <c>{"return": VALUE}</c> or <c>{"error": {"class": …, "desc": …}}</c>, with the
/// command's <c>id</c>. The line is whatever a guest chose to send.
/// </remarks>
internal readonly record struct AgentMessage(Range Return, AgentError? Error, long? Id)
{
    /// <summary>Deeper than any answer of the agent (guest-get-fsinfo: 6), and harmless.</summary>
    public const int MaxDepth = 32;

    private const int MaxTextBytes = 4096;
    private static readonly JsonReaderOptions Reading = new() { MaxDepth = MaxDepth };

    /// <param name="line">Without its end.</param>
    /// <param name="message">What it says.</param>
    /// <returns>False when it is no such message.</returns>
    public static bool TryParse(ReadOnlySpan<byte> line, out AgentMessage message)
    {
        message = default;
        try
        {
            Utf8JsonReader json = new(line, Reading);
            return json.Read() && json.TokenType == JsonTokenType.StartObject && TryReadMembers(ref json, out message);
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static bool TryReadMembers(ref Utf8JsonReader json, out AgentMessage message)
    {
        Range? value = null;
        AgentError? error = null;
        long? id = null;
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            if (json.ValueTextEquals("return"u8))
            {
                _ = json.Read();
                int start = checked((int)json.TokenStartIndex);
                json.Skip();
                value = start..checked((int)json.BytesConsumed);
            }
            else if (json.ValueTextEquals("error"u8))
            {
                _ = json.Read();
                error = ReadError(ref json);
            }
            else if (json.ValueTextEquals("id"u8))
            {
                _ = json.Read();
                id = json.TokenType == JsonTokenType.Number && json.TryGetInt64(out long number) ? number : null;
                json.Skip();
            }
            else
            {
                _ = json.Read();
                json.Skip();
            }
        }

        message = new(value ?? default, error, id);
        return json.TokenType == JsonTokenType.EndObject && !json.Read() && value is null != error is null;
    }

    private static AgentError ReadError(ref Utf8JsonReader json)
    {
        string? kind = null;
        string? description = null;
        if (json.TokenType == JsonTokenType.StartObject)
        {
            while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
            {
                bool isClass = json.ValueTextEquals("class"u8);
                bool isDescription = json.ValueTextEquals("desc"u8);
                _ = json.Read();
                if (json.TokenType == JsonTokenType.String && json.ValueSpan.Length <= MaxTextBytes)
                {
                    (kind, description) = (isClass ? Text(ref json) : kind, isDescription ? Text(ref json) : description);
                }

                json.Skip();
            }
        }

        json.Skip();
        return new(kind ?? "GenericError", description ?? "the agent refused, and did not say why");
    }

    /// <summary>Half a surrogate pair is no text; the rest of the message is good all the same.</summary>
    private static string? Text(ref Utf8JsonReader json)
    {
        try
        {
            return json.GetString();
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }
}
