using VmChannel.Native;

namespace VmChannel.GuestTool.Init;

/// <summary>Moves what a command writes into a pipe to the host; the port is closed after the last byte.</summary>
internal sealed class OutputPump
{
    private readonly FileDescriptor _pipe;
    private readonly FileDescriptor _port;
    private readonly Thread _thread;

    public OutputPump(FileDescriptor pipe, FileDescriptor port, string name)
    {
        _pipe = pipe;
        _port = port;
        _thread = new(Run) { IsBackground = true, Name = name };
    }

    public void Start() => _thread.Start();

    /// <summary>Waits until every writer of the pipe is gone, all bytes are with the driver, and the port is closed.</summary>
    public void WaitForEnd() => _thread.Join();

    private void Run()
    {
        using (_pipe)
        using (_port)
        {
            byte[] buffer = new byte[32768];
            while (_pipe.Read(buffer) is { IsSuccess: true, Value: > 0 } read && PortWriter.WriteAll(_port, buffer.AsSpan(0, (int)read.Value)))
            {
            }

            // A USB adapter's close gives up after half a minute; this waits. No other port is a terminal, and it fails at once.
            _ = TerminalLine.Drain(_port);
        }
    }
}
