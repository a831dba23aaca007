using System.Text;
using VmChannel.Native;

namespace VmChannel.SystemTests.Rig;

/// <summary>A person at a pseudo-terminal: reads what is printed, types, and changes the window's size.</summary>
internal sealed class TerminalText : IDisposable
{
    private readonly PseudoTerminal _terminal;
    private readonly StringBuilder _printed = new();
    private readonly Thread _reader;
    private volatile bool _isOver;

    public TerminalText(PseudoTerminal terminal)
    {
        _terminal = terminal;
        _reader = new(Read) { IsBackground = true };
        _reader.Start();
    }

    /// <summary>All that was printed so far.</summary>
    public string Printed
    {
        get
        {
            lock (_printed)
            {
                return _printed.ToString();
            }
        }
    }

    public Task WaitForAsync(string part) =>
        Patience.UntilAsync(() => Printed.Contains(part, StringComparison.Ordinal), () => $"the terminal never showed \"{part}\":\n{Printed}");

    public void Type(string keys) => _ = _terminal.Master.Write(Encoding.UTF8.GetBytes(keys)).OrThrow("type");

    public void Resize(TerminalSize size) => _ = Terminal.SetSize(_terminal.Master, size).OrThrow("resize");

    public void Dispose()
    {
        _isOver = true;
        _reader.Join();
    }

    private void Read()
    {
        byte[] buffer = new byte[4096];
        char[] characters = new char[buffer.Length];
        Decoder decoder = Encoding.UTF8.GetDecoder();
        while (!_isOver)
        {
            PollEntry[] entries = [new(_terminal.Master.Number, PollEvents.In)];
            _ = Poll.Wait(entries, TimeSpan.FromMilliseconds(20));
            PosixResult read = _terminal.Master.Read(buffer);
            if (read is { IsSuccess: true, Value: > 0 })
            {
                lock (_printed)
                {
                    _ = _printed.Append(characters, 0, decoder.GetChars(buffer, 0, (int)read.Value, characters, 0));
                }
            }
        }
    }
}
