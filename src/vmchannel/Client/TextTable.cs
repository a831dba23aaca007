using System.Text;

namespace VmChannel.Cli.Client;

/// <summary>Columns of text, aligned, and cut at the terminal's edge.</summary>
/// <param name="width">Characters in a line; null = no edge.</param>
/// <param name="columns">Headings; one that begins with <c>&gt;</c> is aligned to the right.</param>
internal sealed class TextTable(int? width, params string[] columns)
{
    private const string Gap = "  ";

    private readonly List<string[]> _rows = [[.. columns.Select(column => column.TrimStart('>'))]];

    public void Add(params string[] cells) => _rows.Add(cells);

    public override string ToString()
    {
        int[] widths = [.. columns.Select((_, at) => _rows.Max(row => row[at].Length))];
        StringBuilder text = new();
        foreach (string[] row in _rows)
        {
            string line = string.Join(Gap, row.Select((cell, at) => columns[at].StartsWith('>') ? cell.PadLeft(widths[at]) : cell.PadRight(widths[at])))
                .TrimEnd();
            _ = text.Append(width is int edge && line.Length > edge ? string.Concat(line.AsSpan(0, Math.Max(0, edge - 1)), "…") : line).Append('\n');
        }

        return text.ToString();
    }
}
