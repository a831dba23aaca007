using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace VmChannel.Wire.Qmp;

/// <summary>One line that QEMU says on a monitor socket: a JSON object.</summary>
/// <remarks>QEMU Machine Protocol, docs/interop/qmp-spec of QEMU. Members that are not known are skipped, as the specification asks.</remarks>
public abstract record QmpMessage
{
    /// <summary>Longest line that is taken. <c>info qtree</c> of a machine with a hundred devices has a tenth of that.</summary>
    public const int MaxBytes = 4 * 1024 * 1024;

    /// <summary>Objects and arrays inside each other; QEMU's own answers have fewer than ten.</summary>
    private const int MaxDepth = 64;

    private QmpMessage()
    {
    }

    /// <summary>Takes a line apart.</summary>
    /// <param name="line">Without its end.</param>
    /// <param name="message">What it says.</param>
    /// <param name="reason">Otherwise what is wrong with it, for people.</param>
    public static bool TryParse(ReadOnlySpan<byte> line, [NotNullWhen(true)] out QmpMessage? message, [NotNullWhen(false)] out string? reason)
    {
        message = null;
        reason = null;
        if (line.Length > MaxBytes)
        {
            reason = $"a line of {line.Length} bytes; {MaxBytes} are the most";
            return false;
        }

        JsonElement root;
        try
        {
            Utf8JsonReader reader = new(line, new JsonReaderOptions { MaxDepth = MaxDepth });
            root = JsonElement.ParseValue(ref reader);
            if (reader.BytesConsumed != line.Length && line[(int)reader.BytesConsumed..].Trim(" \t\r"u8).Length > 0)
            {
                reason = "more than one JSON value in a line";
                return false;
            }
        }
        catch (JsonException e)
        {
            // Its message would quote the line.
            reason = $"not JSON at byte {e.BytePositionInLine}";
            return false;
        }

        message = root.ValueKind == JsonValueKind.Object ? Read(root) : null;
        reason = message is null ? "neither a greeting, an answer nor an event" : null;
        return message is not null;
    }

    private static QmpMessage? Read(JsonElement root)
    {
        if (root.TryGetProperty("event", out _))
        {
            return root.Text("event") is string name ? new Event(name, root.Member("data")) : null;
        }

        if (root.TryGetProperty("return", out JsonElement value))
        {
            return new Answer(root.Number("id"), value);
        }

        if (root.TryGetProperty("error", out JsonElement error))
        {
            return error.ValueKind == JsonValueKind.Object
                ? new Failure(root.Number("id"), error.Text("class") ?? "GenericError", error.Text("desc") ?? "no reason given")
                : null;
        }

        return root.Member("QMP") is { ValueKind: JsonValueKind.Object } greeting ? ReadGreeting(greeting) : null;
    }

    private static Greeting ReadGreeting(JsonElement greeting)
    {
        JsonElement version = greeting.Member("version").Member("qemu");
        return new(Part("major"), Part("minor"), Part("micro"));

        int Part(string name) => (int)Math.Clamp(version.Number(name) ?? 0, 0, 9999);
    }

    /// <summary>The first line: QEMU says which it is.</summary>
    public sealed record Greeting(int Major, int Minor, int Micro) : QmpMessage
    {
        /// <summary><c>7.2.22</c>.</summary>
        public override string ToString() => $"{Major}.{Minor}.{Micro}";
    }

    /// <summary>Something happened.</summary>
    /// <param name="Name">Such as <c>VSERPORT_CHANGE</c>.</param>
    /// <param name="Data">An object, or nothing.</param>
    public sealed record Event(string Name, JsonElement Data) : QmpMessage;

    /// <summary>A command was carried out.</summary>
    /// <param name="Id">The command's; null when QEMU does not say.</param>
    /// <param name="Value">What it returned.</param>
    public sealed record Answer(long? Id, JsonElement Value) : QmpMessage;

    /// <summary>A command was not carried out.</summary>
    /// <param name="Id">The command's; null when QEMU could not read it.</param>
    /// <param name="Class">Such as <c>GenericError</c>.</param>
    /// <param name="Description">For people.</param>
    public sealed record Failure(long? Id, string Class, string Description) : QmpMessage;
}
