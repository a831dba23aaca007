using System.Globalization;
using System.Text;
using VmChannel.Cli.Client;
using VmChannel.Wire.Capture;

namespace VmChannel.Cli.Captures;

/// <summary>A capture as text for people: a line for each record, then its bytes as hexdump(1) shows them.</summary>
internal static class CaptureText
{
    private const int BytesPerLine = 16;

    /// <summary>Which port it was: <c>port 4 (org.qemu.clipboard)</c>.</summary>
    public static string Port(CaptureHeader header)
        => PortText.Name((int)Math.Min(header.Port, int.MaxValue), header.Name.Length == 0 ? null : header.Name);

    public static string Header(CaptureHeader header)
        => string.Create(
            CultureInfo.InvariantCulture,
            $"{Port(header)}, begun {DateTimeOffset.UnixEpoch.AddTicks(header.StartNanoseconds / TimeSpan.NanosecondsPerTick):yyyy-MM-dd HH:mm:ss.fff} UTC\n");

    public static string Entry(CaptureEntry entry)
    {
        string way = entry.Direction == CaptureDirection.FromGuest ? "from guest" : "to guest  ";
        string what = entry.MissedBytes > 0 ? $"{entry.MissedBytes} bytes are missing" : $"{entry.Bytes.Length} bytes";
        StringBuilder text = new(string.Create(CultureInfo.InvariantCulture, $"{entry.Time.TotalSeconds,13:0.000000}  {way}  {what}\n"));
        for (int at = 0; at < entry.Bytes.Length; at += BytesPerLine)
        {
            AddLine(text, at, entry.Bytes.Span.Slice(at, Math.Min(BytesPerLine, entry.Bytes.Length - at)));
        }

        return text.ToString();
    }

    private static void AddLine(StringBuilder text, int offset, ReadOnlySpan<byte> bytes)
    {
        _ = text.Append(CultureInfo.InvariantCulture, $"    {offset:x6} ");
        for (int i = 0; i < BytesPerLine; i++)
        {
            _ = text.Append(i == BytesPerLine / 2 ? "  " : " ");
            _ = i < bytes.Length ? text.Append(CultureInfo.InvariantCulture, $"{bytes[i]:x2}") : text.Append("  ");
        }

        _ = text.Append("  |");
        foreach (byte value in bytes)
        {
            _ = text.Append(value is >= 0x20 and < 0x7f ? (char)value : '.');
        }

        _ = text.Append("|\n");
    }
}
