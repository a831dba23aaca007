using System.Text;

namespace VmChannel.Device.Chardevs;

/// <summary>One word of an option string: <c>key=value</c>, or a bare word.</summary>
/// <param name="Key">Null for a bare word.</param>
/// <param name="Value">The value, or the bare word itself.</param>
public readonly record struct OptionWord(string? Key, string Value)
{
    /// <summary>Splits at single commas; two commas in a row are one comma of the text, as in QEMU.</summary>
    /// <param name="text">The option string.</param>
    /// <param name="error">What is wrong with it, or null.</param>
    public static List<string> Split(string text, out string? error)
    {
        List<string> words = [];
        StringBuilder word = new();
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] != ',')
            {
                word.Append(text[i]);
            }
            else if (i + 1 < text.Length && text[i + 1] == ',')
            {
                word.Append(',');
                i++;
            }
            else
            {
                words.Add(word.ToString());
                word.Clear();
            }
        }

        words.Add(word.ToString());
        error = text.Contains('\0', StringComparison.Ordinal) ? "a zero byte is in it"
            : words.Exists(string.IsNullOrEmpty) ? "nothing stands before or after a comma"
            : null;
        return words;
    }

    /// <summary>Takes a word apart at its first equals sign.</summary>
    public static OptionWord Parse(string word)
    {
        int equals = word.IndexOf('=', StringComparison.Ordinal);
        return equals < 0 ? new(null, word) : new(word[..equals], word[(equals + 1)..]);
    }

    /// <summary>The value as a switch, in QEMU's words; null when it is something else.</summary>
    public bool? Switch => Value switch
    {
        "on" or "yes" or "true" or "y" => true,
        "off" or "no" or "false" or "n" => false,
        _ => null,
    };

    /// <summary>The word as a person wrote it, without doubled commas.</summary>
    public override string ToString() => Key is null ? Value : $"{Key}={Value}";
}
