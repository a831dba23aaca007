using System.Globalization;
using System.Text;

namespace VmChannel.Bench.Results;

/// <summary>Sections as a table that reads well on a terminal and in a Markdown file.</summary>
internal static class TextReport
{
    public static string Write(Section section)
    {
        List<string[]> rows = [["measure", "unit", section.OtherName, section.OursName, "ratio"]];
        foreach (Measure measure in section.Measures)
        {
            rows.Add([measure.Name, measure.Unit, Show(measure.Other), Show(measure.Ours), measure.Ratio is null ? "" : Show(measure.Ratio)]);
        }

        int[] widths = [.. Enumerable.Range(0, rows[0].Length).Select(column => rows.Max(row => row[column].Length))];
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"{section.Scenario}: {section.Title}\n\n");
        for (int index = 0; index < rows.Count; index++)
        {
            text.Append(Line(rows[index], widths));
            if (index == 0)
            {
                text.Append("| ").AppendJoin(" | ", widths.Select(width => new string('-', width))).Append(" |\n");
            }
        }

        return text.ToString();
    }

    /// <summary>Median, then smallest and largest in brackets; three digits that count.</summary>
    private static string Show(Series? series)
        => series is null ? "" : series.Values.Count == 1 ? Show(series.Median) : $"{Show(series.Median)} [{Show(series.Min)}–{Show(series.Max)}]";

    private static string Show(double value)
    {
        double size = Math.Abs(value);
        string format = size == 0 || size >= 100 ? "F0" : size >= 10 ? "F1" : size >= 1 ? "F2" : size >= 0.001 ? "F3" : "E1";
        return value.ToString(format, CultureInfo.InvariantCulture);
    }

    private static string Line(string[] cells, int[] widths)
        => "| " + string.Join(" | ", cells.Select((cell, column) => cell.PadRight(widths[column]))) + " |\n";
}
