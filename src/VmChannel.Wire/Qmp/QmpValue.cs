using System.Text.Json;

namespace VmChannel.Wire.Qmp;

/// <summary>What may be in an answer: everything is looked for, nothing is relied upon.</summary>
public static class QmpValue
{
    /// <summary>A member of an object; undefined when there is none, or this is no object.</summary>
    public static JsonElement Member(this JsonElement element, string name)
        => element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out JsonElement member) ? member : default;

    /// <summary>A string among the members of an object; null when there is none.</summary>
    public static string? Text(this JsonElement element, string name) => element.Member(name).AsText();

    /// <summary>A whole number among the members of an object; null when there is none.</summary>
    public static long? Number(this JsonElement element, string name) => element.Member(name).AsNumber();

    /// <summary>True or false among the members of an object; null when there is neither.</summary>
    public static bool? Truth(this JsonElement element, string name) => element.Member(name).ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => null,
    };

    /// <summary>The elements of an array; none when this is no array.</summary>
    public static IEnumerable<JsonElement> Elements(this JsonElement element)
        => element.ValueKind == JsonValueKind.Array ? element.EnumerateArray() : [];

    /// <summary>A string; null when this is none.</summary>
    public static string? AsText(this JsonElement element)
    {
        if (element.ValueKind != JsonValueKind.String)
        {
            return null;
        }

        try
        {
            return element.GetString();
        }
        catch (InvalidOperationException)
        {
            // Half a surrogate pair: JSON may say that, a string cannot hold it.
            return null;
        }
    }

    /// <summary>A whole number; null when this is none.</summary>
    public static long? AsNumber(this JsonElement element)
        => element.ValueKind == JsonValueKind.Number && element.TryGetInt64(out long number) ? number : null;
}
