using Microsoft.Extensions.Logging;
using VmChannel.Device.Channels;
using VmChannel.Device.Loop;
using VmChannel.Native;

namespace VmChannel.Device.Chardevs;

/// <summary><c>stdio</c>: this process's own standard input and output; raw while it runs when they are a terminal.</summary>
public sealed class StdioChardev(DeviceLoop loop, bool signals, ILogger log) : Chardev(loop, log)
{
    private readonly List<FileDescriptor> _shared = [];
    private Terminal? _terminal;

    public override string Description => "stdio";

    /// <summary>Size of the terminal it is, if it is one.</summary>
    public static bool TryGetSize(out TerminalSize size) => Terminal.TryGetSize(FileDescriptor.Borrow(1), out size);

    protected override void OnStart()
    {
        FileDescriptor input = OpenOwn(0, OpenFlags.ReadOnly);
        FileDescriptor output = OpenOwn(1, OpenFlags.WriteOnly);
        FileDescriptor stdin = FileDescriptor.Borrow(0);
        if (Terminal.Is(stdin))
        {
            _ = Terminal.MakeRaw(stdin, signals, out _terminal);
            AppDomain.CurrentDomain.ProcessExit += OnProcessExit;
        }

        Attach(input, output, Terminal.Is(stdin) ? "the terminal" : "standard input and output");
    }

    protected override void Dispose(bool disposing)
    {
        AppDomain.CurrentDomain.ProcessExit -= OnProcessExit;
        Restore();
        base.Dispose(disposing);
    }

    private void OnProcessExit(object? sender, EventArgs e) => Restore();

    private void Restore()
    {
        _terminal?.Dispose();
        foreach (FileDescriptor shared in _shared)
        {
            _ = shared.SetNonBlocking(false);
        }

        _shared.Clear();
    }

    /// <summary>A descriptor that can be non-blocking without making the shell's own so: the flag belongs to the open file.</summary>
    private FileDescriptor OpenOwn(int number, OpenFlags direction)
    {
        PosixResult result = FileDescriptor.Duplicate(number, out FileDescriptor? duplicate);
        if (!result.IsSuccess)
        {
            throw new HostEndException($"stdio: standard {(number == 0 ? "input" : "output")} is closed: redirect it, or use null");
        }

        // A regular file is not opened again: position and append mode would be lost, and it never blocks anyway.
        FileKind kind = duplicate!.Kind();
        if (kind == FileKind.Regular)
        {
            return duplicate;
        }

        if (kind is FileKind.Fifo or FileKind.CharacterDevice
            && FileDescriptor.Open(
                $"/proc/self/fd/{number}", direction | OpenFlags.NonBlocking | OpenFlags.NoControllingTerminal, 0, out FileDescriptor? own).IsSuccess)
        {
            duplicate.Dispose();
            return own!;
        }

        _shared.Add(FileDescriptor.Borrow(number));
        return duplicate;
    }
}
