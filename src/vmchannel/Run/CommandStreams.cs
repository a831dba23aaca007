using VmChannel.Native;

namespace VmChannel.Cli.Run;

/// <summary>This process's standard streams for a guest's command: opened anew, so that the shell's own stay as they are.</summary>
internal sealed class CommandStreams : IDisposable
{
    private readonly List<FileDescriptor> _shared = [];

    public CommandStreams()
    {
        Input = Open(0, OpenFlags.ReadOnly);
        Output = Open(1, OpenFlags.WriteOnly);
        Error = Open(2, OpenFlags.WriteOnly);
    }

    public FileDescriptor Input { get; }

    public FileDescriptor Output { get; }

    public FileDescriptor Error { get; }

    public void Dispose()
    {
        Input.Dispose();
        Output.Dispose();
        Error.Dispose();
        _shared.ForEach(shared => _ = shared.SetNonBlocking(false));
    }

    /// <summary>Non-blocking is a mark on the open file, which we share with whoever started us.</summary>
    private FileDescriptor Open(int number, OpenFlags direction)
    {
        if (!FileDescriptor.Duplicate(number, out FileDescriptor? duplicate).IsSuccess)
        {
            // Started without it: input ends at once, output goes nowhere.
            _ = FileDescriptor.Open("/dev/null", direction, 0, out duplicate).OrThrow("open /dev/null");
        }

        FileKind kind = duplicate!.Kind();
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
            _shared.Add(FileDescriptor.Borrow(number));
        }

        return duplicate;
    }
}
