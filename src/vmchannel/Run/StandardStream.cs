using Microsoft.Extensions.Logging;
using VmChannel.Device.Chardevs;
using VmChannel.Device.Loop;
using VmChannel.Native;

namespace VmChannel.Cli.Run;

/// <summary>One of this process's standard streams as the host end of a port.</summary>
internal sealed class StandardStream(DeviceLoop loop, int number, ILogger log) : Chardev(loop, log)
{
    private FileDescriptor? _shared;

    public override string Description => number switch { 0 => "standard input", 1 => "standard output", _ => "standard error" };

    protected override void OnStart()
    {
        bool isInput = number == 0;
        PosixResult result = FileDescriptor.Duplicate(number, out FileDescriptor? duplicate);
        if (!result.IsSuccess)
        {
            // Started without it: input ends at once, output goes nowhere.
            _ = FileDescriptor.Open("/dev/null", isInput ? OpenFlags.ReadOnly : OpenFlags.WriteOnly, 0, out duplicate).OrThrow("open /dev/null");
        }

        FileDescriptor own = Reopen(duplicate!, isInput ? OpenFlags.ReadOnly : OpenFlags.WriteOnly);
        Attach(isInput ? own : null, isInput ? null : own, Description);
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        _ = _shared?.SetNonBlocking(false);
        _shared?.Dispose(); // borrowed: closes nothing
    }

    /// <summary>Non-blocking is a mark on the open file, which we share with whoever started us: a pipe or terminal is opened anew.</summary>
    private FileDescriptor Reopen(FileDescriptor duplicate, OpenFlags direction)
    {
        FileKind kind = duplicate.Kind();
        if (kind is FileKind.Fifo or FileKind.CharacterDevice
            && FileDescriptor.Open(
                $"/proc/self/fd/{duplicate.Number}", direction | OpenFlags.NonBlocking | OpenFlags.NoControllingTerminal, 0, out FileDescriptor? own).IsSuccess)
        {
            duplicate.Dispose();
            return own!;
        }

        // A regular file keeps its position and append mode, and never blocks; a socket cannot be opened.
        if (kind != FileKind.Regular)
        {
            _shared = FileDescriptor.Borrow(number);
        }

        return duplicate;
    }
}
