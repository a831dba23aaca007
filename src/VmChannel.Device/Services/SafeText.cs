using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace VmChannel.Device.Services;

/// <summary>Text of a guest made safe to look at: what could play tricks on a terminal or a reader is shown, not done.</summary>
internal static class SafeText
{
    private const int LongestEscapeBytes = 10;

    /// <summary>Printable ASCII and tab: copied as they are, which is nearly all of any log.</summary>
    private static readonly SearchValues<byte> Plain = SearchValues.Create(
        "\t !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"u8);

    /// <summary>Appends text with every byte that is not UTF-8 as <c>\xNN</c> and every control, format and separator as <c>\u{NNNN}</c>.</summary>
    public static void Append(ReadOnlySpan<byte> text, bool keepLineEnds, IBufferWriter<byte> output)
    {
        while (!text.IsEmpty)
        {
            int plain = text.IndexOfAnyExcept(Plain);
            plain = plain < 0 ? text.Length : plain;
            output.Write(text[..plain]);
            text = text[plain..];
            if (text.IsEmpty)
            {
                return;
            }

            OperationStatus status = Rune.DecodeFromUtf8(text, out Rune rune, out int bytes);
            if (status == OperationStatus.Done && (IsHarmless(rune) || (keepLineEnds && rune.Value == '\n')))
            {
                output.Write(text[..bytes]);
            }
            else if (status == OperationStatus.Done)
            {
                Escape(rune.Value, 'u', output);
            }
            else
            {
                for (int i = 0; i < bytes; i++)
                {
                    Escape(text[i], 'x', output);
                }
            }

            text = text[bytes..];
        }
    }

    private static bool IsHarmless(Rune rune) => Rune.GetUnicodeCategory(rune)
        is not (UnicodeCategory.Control
            or UnicodeCategory.Format
            or UnicodeCategory.LineSeparator
            or UnicodeCategory.ParagraphSeparator);

    private static void Escape(int value, char kind, IBufferWriter<byte> output)
    {
        Span<byte> buffer = output.GetSpan(LongestEscapeBytes);
        int written;
        _ = kind == 'u'
            ? Utf8.TryWrite(buffer, CultureInfo.InvariantCulture, $"\\u{{{value:x4}}}", out written)
            : Utf8.TryWrite(buffer, CultureInfo.InvariantCulture, $"\\x{value:x2}", out written);
        output.Advance(written);
    }
}
