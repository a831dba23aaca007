using VmChannel.Native;

namespace VmChannel.GuestTool.Init;

/// <summary>A terminal for the command of a guest without a console: a pseudo-terminal whose other side is a port.</summary>
/// <remarks>
/// The adapter is a terminal itself, but a USB terminal forgets what it has not sent when its session ends; a pseudo-terminal does not.
/// </remarks>
internal sealed class GuestTerminal
{
    private readonly PseudoTerminal _terminal;
    private readonly OutputPump _output;
    private readonly InputPump _input;

    /// <param name="openPort">Opens the port, each time for one direction.</param>
    /// <exception cref="InitException">The port is not there.</exception>
    /// <exception cref="IOException">There is no pseudo-terminal.</exception>
    public GuestTerminal(Func<OpenFlags, FileDescriptor> openPort)
    {
        _terminal = PseudoTerminal.Open(isRaw: false);
        _ = _terminal.Master.SetNonBlocking(false).OrFail("make the terminal blocking");
        _output = new OutputPump(_terminal.Master.Duplicate(), openPort(OpenFlags.WriteOnly), "terminal output");
        _input = new InputPump(openPort(OpenFlags.ReadOnly), _terminal.Master.Duplicate(), "terminal input");
    }

    /// <summary>What the command opens.</summary>
    public string Path => _terminal.SlavePath;

    /// <summary>Begins to carry bytes; returns what ends when the command's last output is with the host.</summary>
    public OutputPump Start()
    {
        _output.Start();
        _input.Start();
        return _output;
    }

    /// <summary>The host's terminal has this size.</summary>
    public void Resize(TerminalSize size) => _ = Terminal.SetSize(_terminal.Master, size);
}
