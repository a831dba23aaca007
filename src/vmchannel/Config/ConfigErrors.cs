using System.Globalization;

namespace VmChannel.Cli.Config;

/// <summary>Everything that is wrong with one file.</summary>
/// <param name="file">How the file is called in messages.</param>
internal sealed class ConfigErrors(string file)
{
    /// <summary>Nobody reads more at once, and a hostile file could have a million.</summary>
    public const int Most = 100;

    private const int LongestMessage = 600;

    private readonly List<(int Line, string Message)> _found = [];

    public string File { get; } = file;

    public bool Any => _found.Count > 0;

    /// <summary>What follows would not be shown.</summary>
    public bool IsFull => _found.Count > Most;

    /// <summary><c>FILE:LINE</c>, as compilers write it.</summary>
    public string At(int line) => string.Create(CultureInfo.InvariantCulture, $"{File}:{line}");

    /// <param name="line">Counts from 1; 0 means the whole file.</param>
    /// <param name="message">What is wrong, a colon, what to do.</param>
    public void Add(int line, string message)
    {
        // One more than is shown tells that there are more.
        if (!IsFull)
        {
            _found.Add((line, message.Length <= LongestMessage ? message : $"{message[..LongestMessage]}…"));
        }
    }

    /// <summary>A line each, by their place in the file: <c>FILE:LINE: what is wrong: what to do</c>.</summary>
    public IReadOnlyList<string> ToLines()
    {
        List<string> lines = [.. _found.Take(Most).OrderBy(error => error.Line).Select(error => $"{(error.Line == 0 ? File : At(error.Line))}: {error.Message}")];
        if (IsFull)
        {
            lines.Add($"{File}: there are more errors: these are the first {Most}");
        }

        return lines;
    }
}
