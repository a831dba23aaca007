using Tomlyn.Syntax;

namespace VmChannel.Cli.Config;

/// <summary>What the TOML parser says about a text that is not TOML, in words for people.</summary>
internal static class TomlProblem
{
    /// <summary>Reports the first problem of each line; those that follow it in the line follow from it.</summary>
    public static void Report(DiagnosticsBag problems, string text, ConfigErrors errors)
    {
        string[] lines = text.Split('\n');
        HashSet<int> seen = [];
        foreach (DiagnosticMessage problem in problems)
        {
            int line = problem.Span.Start.Line + 1;
            if (seen.Add(line) && problem.Kind == DiagnosticMessageKind.Error)
            {
                errors.Add(line, $"this is not TOML: {Plain(problem.Message)}{Advice(line <= lines.Length ? lines[line - 1] : "")}");
            }
        }
    }

    /// <summary>The parser's message as the end of a sentence.</summary>
    public static string Plain(string message)
    {
        string text = message.Replace('␤', ' ').TrimEnd('.', ' ');
        return text.Length == 0 ? text : char.ToLowerInvariant(text[0]) + text[1..];
    }

    /// <summary>What people forget most.</summary>
    private static string Advice(string line)
    {
        int equals = line.IndexOf('=', StringComparison.Ordinal);
        ReadOnlySpan<char> value = equals < 0 ? "" : line.AsSpan(equals + 1).Trim();
        return line.TrimStart().StartsWith('[') ? ": a header is written [vm.NAME] or [[vm.NAME.port]]"
            : equals < 0 ? ": write key = value"
            : value.Length == 0 || char.IsAsciiLetter(value[0]) || value[0] is '/' or '.' or '@' or '-' ? $": a text stands in quotes: {line[..equals].Trim()} = \"…\""
            : ": check quotes and brackets";
    }
}
