using VmChannel.Wire.VdAgent;

namespace VmChannel.Device.Services.Clipboard;

/// <summary>How people, options and the control API call selections and types.</summary>
internal static class ClipboardWords
{
    private static readonly (ClipboardType Type, string Word, string MediaType)[] Types =
    [
        (ClipboardType.Utf8Text, "text", "text/plain;charset=utf-8"),
        (ClipboardType.Png, "png", "image/png"),
        (ClipboardType.Bmp, "bmp", "image/bmp"),
        (ClipboardType.Tiff, "tiff", "image/tiff"),
        (ClipboardType.Jpeg, "jpeg", "image/jpeg"),
    ];

    /// <summary>In the order in which one is chosen when nobody says which.</summary>
    public static IReadOnlyList<string> TypeWords { get; } = [.. Types.Select(known => known.Word)];

    public static IReadOnlyList<string> SelectionWords { get; } = ["clipboard", "primary", "secondary"];

    /// <summary>The words of a set, the preferred first.</summary>
    public static string[] Of(ClipboardTypes types) => [.. Types.Where(known => types.Has(known.Type)).Select(known => known.Word)];

    public static string Of(ClipboardType type) => Types.FirstOrDefault(known => known.Type == type).Word ?? $"type {(uint)type}";

    public static string Of(ClipboardSelection selection) => SelectionWords[(int)selection];

    /// <summary>RFC 6838, of a type that has data.</summary>
    public static string MediaTypeOf(ClipboardType type) => Array.Find(Types, known => known.Type == type).MediaType;

    /// <summary>The one to take when nobody says which; none of an empty set.</summary>
    public static ClipboardType Preferred(ClipboardTypes types) => Array.Find(Types, known => types.Has(known.Type)).Type;

    public static ClipboardType? ParseType(string word)
        => Array.Find(Types, known => known.Word == word) is { Word: not null } found ? found.Type : null;

    /// <summary>By media type; parameters are not looked at.</summary>
    public static ClipboardType? ParseMediaType(string mediaType)
    {
        string name = mediaType.Split(';')[0].Trim();
        return Array.Find(Types, known => known.MediaType.Split(';')[0].Equals(name, StringComparison.OrdinalIgnoreCase)) is { Word: not null } found
            ? found.Type
            : null;
    }

    public static ClipboardSelection? ParseSelection(string word)
        => SelectionWords.Contains(word) ? (ClipboardSelection)SelectionWords.IndexOf(word) : null;

    private static int IndexOf(this IReadOnlyList<string> words, string word)
    {
        int at = 0;
        while (words[at] != word)
        {
            at++;
        }

        return at;
    }
}
