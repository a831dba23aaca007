using VmChannel.Native;

namespace VmChannel.Cli.CommandLine;

/// <summary>The terminal of standard input in raw mode. It is put back by disposing, and by every end of the process but SIGKILL's.</summary>
internal sealed class RawTerminal : IDisposable
{
    private readonly Terminal _terminal;
    private readonly string _farewell;
    private int _isOver;

    private RawTerminal(Terminal terminal, string farewell)
    {
        _terminal = terminal;
        _farewell = farewell;
        AppDomain.CurrentDomain.ProcessExit += OnProcessEnd;
        AppDomain.CurrentDomain.UnhandledException += OnProcessEnd;
    }

    /// <summary>Begins.</summary>
    /// <param name="keepSignals">Ctrl-C and its kin stay signals.</param>
    /// <param name="greeting">What is written to standard output first.</param>
    /// <param name="farewell">What undoes that.</param>
    /// <returns>Null when standard input is no terminal.</returns>
    public static RawTerminal? TryEnter(bool keepSignals, string greeting = "", string farewell = "")
    {
        FileDescriptor input = FileDescriptor.Borrow(0);
        if (!Terminal.Is(input) || !Terminal.MakeRaw(input, keepSignals, out Terminal? terminal).IsSuccess)
        {
            return null;
        }

        RawTerminal raw = new(terminal!, farewell);
        StandardStream.Mention(greeting);
        return raw;
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isOver, 1) == 0)
        {
            AppDomain.CurrentDomain.ProcessExit -= OnProcessEnd;
            AppDomain.CurrentDomain.UnhandledException -= OnProcessEnd;
            StandardStream.Mention(_farewell);
            _terminal.Dispose();
        }
    }

    private void OnProcessEnd(object? sender, EventArgs e) => Dispose();
}
