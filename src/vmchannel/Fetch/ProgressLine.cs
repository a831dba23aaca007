using VmChannel.Cli.CommandLine;
using VmChannel.Native;

namespace VmChannel.Cli.Fetch;

/// <summary>One line on a person's terminal that says what is happening now; nothing at all anywhere else.</summary>
internal sealed class ProgressLine
{
    private readonly bool _isTerminal = Terminal.Is(FileDescriptor.Borrow(2)) && Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb");
    private bool _shown;

    public void Show(string text)
    {
        if (_isTerminal)
        {
            StandardStream.WriteError($"\r\e[K{text}");
            _shown = true;
        }
    }

    /// <summary>A line that stays, for people only.</summary>
    public void Note(string text)
    {
        Clear();
        if (_isTerminal)
        {
            StandardStream.WriteError(text + "\n");
        }
    }

    public void Clear()
    {
        if (_shown)
        {
            StandardStream.WriteError("\r\e[K");
            _shown = false;
        }
    }
}
