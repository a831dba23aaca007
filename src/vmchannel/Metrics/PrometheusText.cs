using System.Buffers;
using System.Globalization;
using System.Text;

namespace VmChannel.Cli.Metrics;

/// <summary>Writes metrics in Prometheus's text format, version 0.0.4.</summary>
/// <param name="output">Gets the text, as UTF-8.</param>
internal sealed class PrometheusText(IBufferWriter<byte> output)
{
    public const string MediaType = "text/plain";

    /// <summary>The same with what a server has to say about it.</summary>
    public const string ContentType = MediaType + "; version=0.0.4; charset=utf-8";

    private const int LongestNumber = 32;

    /// <summary>Begins a family: its samples follow.</summary>
    public void WriteHead(PrometheusFamily family)
    {
        Write("# HELP ");
        Write(family.Name);
        Write(" ");
        Write(Escape(family.Help));
        Write("\n# TYPE ");
        Write(family.Name);
        Write(" ");
        Write(family.Type);
        Write("\n");
    }

    public void WriteSample<T>(PrometheusFamily family, T value, ReadOnlySpan<KeyValuePair<string, object?>> labels)
        where T : IUtf8SpanFormattable
    {
        Write(family.Name);
        string before = "{";
        foreach ((string name, object? label) in labels)
        {
            Write(before);
            Write(name.Replace('.', '_'));
            Write("=\"");
            Write(Escape(Convert.ToString(label, CultureInfo.InvariantCulture) ?? "").Replace("\"", "\\\"", StringComparison.Ordinal));
            before = "\",";
        }

        Write(labels.IsEmpty ? " " : "\"} ");
        if (!value.TryFormat(output.GetSpan(LongestNumber), out int written, default, CultureInfo.InvariantCulture))
        {
            throw new ArgumentException("longer than a number is", nameof(value));
        }

        output.Advance(written);
        Write("\n");
    }

    private static string Escape(string text)
        => text.Replace("\\", @"\\", StringComparison.Ordinal).Replace("\n", @"\n", StringComparison.Ordinal);

    private void Write(string text) => _ = Encoding.UTF8.GetBytes(text, output);
}
