using System.Globalization;

namespace VmChannel.Device;

/// <summary>A number of bytes as people write it: <c>1000</c>, <c>64K</c>, <c>1M</c>, <c>1G</c>; K is 1024, as in QEMU's sizes.</summary>
internal static class ByteSize
{
    private const string Suffixes = "BKMGT";

    /// <summary>Reads a size. False when it is none, or does not fit a long.</summary>
    public static bool TryParse(string text, out long bytes)
    {
        int factor = text.Length == 0 ? -1 : Suffixes.IndexOf(char.ToUpperInvariant(text[^1]), StringComparison.Ordinal);
        ReadOnlySpan<char> digits = factor < 0 ? text : text.AsSpan(0, text.Length - 1);
        int shift = 10 * Math.Max(0, factor);
        if (!long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out bytes) || bytes > long.MaxValue >> shift)
        {
            bytes = 0;
            return false;
        }

        bytes <<= shift;
        return true;
    }

    /// <summary>The shortest way to write it.</summary>
    public static string Format(long bytes)
    {
        int factor = 0;
        while (bytes != 0 && bytes % 1024 == 0 && factor < Suffixes.Length - 1)
        {
            bytes /= 1024;
            factor++;
        }

        return string.Create(CultureInfo.InvariantCulture, $"{bytes}{(factor == 0 ? "" : Suffixes[factor])}");
    }
}
