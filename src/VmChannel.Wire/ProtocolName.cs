using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace VmChannel.Wire;

/// <summary>Name of what is spoken on a channel, such as <c>org.qemu.clipboard</c>: a reverse-FQDN, so nobody needs a registry.</summary>
/// <remarks>
/// Labels of <c>A-Z a-z 0-9 _ -</c> joined by single dots, at most <see cref="MaxBytes"/> bytes. That is narrower than what a virtio-serial
/// port name may be (any bytes, VIRTIO 1.3 §5.3.6.2, PORT_NAME) so that a name maps to a relative path one to one and can never leave the
/// folder it is put in. Case is kept and compared. A <c>default</c> value holds no name and belongs to nobody.
/// </remarks>
public readonly record struct ProtocolName
{
    /// <summary>Longest name, in bytes, which are characters here.</summary>
    public const int MaxBytes = 255;

    private readonly string? _text;

    private ProtocolName(string text) => _text = text;

    /// <summary>The name as it was given.</summary>
    public string Text => _text ?? "";

    /// <summary>Takes a name in, or says what is wrong with it.</summary>
    /// <param name="text">The name, from a person or a peer; null counts as empty.</param>
    /// <param name="name">The name when true is returned.</param>
    /// <param name="reason">Otherwise the rest of a sentence that starts with the name, for people; printable whatever the input was.</param>
    public static bool TryParse([NotNullWhen(true)] string? text, out ProtocolName name, [NotNullWhen(false)] out string? reason)
    {
        name = default;
        reason = string.IsNullOrEmpty(text) ? "is empty"
            : text.Length > MaxBytes ? $"is longer than {MaxBytes} bytes"
            : Fault(text);
        if (reason is not null)
        {
            return false;
        }

        name = new(text!);
        return true;
    }

    /// <summary>Takes in the bytes of a peer: a port name, a product string, a sysfs attribute without its newline.</summary>
    /// <inheritdoc cref="TryParse(string?, out ProtocolName, out string?)"/>
    public static bool TryParse(ReadOnlySpan<byte> text, out ProtocolName name, [NotNullWhen(false)] out string? reason)
    {
        if (text.Length > MaxBytes)
        {
            name = default;
            reason = $"is longer than {MaxBytes} bytes";
            return false;
        }

        // Latin-1 keeps one character per byte, so a reported position is a byte position and nothing outside ASCII turns into ASCII.
        return TryParse(Encoding.Latin1.GetString(text), out name, out reason);
    }

    /// <summary>Relative path of the name: <c>org.qemu.clipboard</c> gives <c>org/qemu/clipboard</c>; no two names share one.</summary>
    public string ToPath() => Text.Replace('.', '/');

    /// <summary>True when <paramref name="other"/> lies below this name, so that this one's path would be both a file and a folder.</summary>
    public bool IsAncestorOf(ProtocolName other) =>
        Text.Length > 0
        && other.Text.Length > Text.Length
        && other.Text[Text.Length] == '.'
        && other.Text.StartsWith(Text, StringComparison.Ordinal);

    /// <summary>True when the two cannot exist side by side: they are equal, or one is the other's ancestor.</summary>
    public bool ConflictsWith(ProtocolName other) => this == other || IsAncestorOf(other) || other.IsAncestorOf(this);

    /// <inheritdoc/>
    public override string ToString() => Text;

    private static string? Fault(string text)
    {
        if (text[0] == '.')
        {
            return "starts with a dot";
        }

        if (text[^1] == '.')
        {
            return "ends with a dot";
        }

        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (c == '.' && text[i - 1] == '.')
            {
                return "has two dots in a row";
            }

            if (c != '.' && !char.IsAsciiLetterOrDigit(c) && c is not ('_' or '-'))
            {
                string shown = c is > ' ' and <= '~' ? $"'{c}'" : $"U+{(int)c:X4}";
                return $"has {shown} at position {i + 1}; letters, digits, '_' and '-' are allowed, joined by single dots";
            }
        }

        return null;
    }
}
