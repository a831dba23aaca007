using System.CommandLine;
using VmChannel.Cli.Client;
using VmChannel.Cli.CommandLine;
using VmChannel.Cli.Fetch;
using VmChannel.Native;

namespace VmChannel.Cli.Captures;

/// <summary><c>vmchannel capture</c>: records what goes through a port.</summary>
internal static class CaptureVerb
{
    private const string Manual = """
        vmchannel capture - record what goes through a port

        Usage:
          vmchannel capture [VM] PORT [-o FILE] [--for TIME]
          vmchannel capture show FILE

        Every byte both ways, with its time, until Ctrl-C, until TIME is over or until the port is unplugged. On a
        terminal, without -o, it is shown as it happens; in a pipe it is the capture itself, as in a file. The channel
        never waits for a recording: one that is too slow has gaps, which say how many bytes are missing. "show" prints
        a file, "vmchannel replay" sends it to a guest again.

          -o FILE               write a file; others may not read a new one
          --for TIME            end after TIME, such as 10s or 2m

        Examples:
          vmchannel capture web clipboard -o clipboard.cap --for 10s
          vmchannel capture show clipboard.cap
          vmchannel capture web 4 | ssh desk vmchannel capture show /dev/stdin

        Exit codes: 0 recorded, 1 it failed.

        Options:

        """;

    private const string ShowManual = """
        vmchannel capture show - print a capture

        Usage:
          vmchannel capture show FILE

        A line for each record: seconds since the capture began, which way, how many bytes; then the bytes.

        Example:
          vmchannel capture show clipboard.cap | less

        """;

    private static readonly TimeSpan Longest = TimeSpan.FromDays(1);
    private static readonly TimeSpan ProgressInterval = TimeSpan.FromMilliseconds(500);

    public static Command Create()
    {
        Option<string?> file = new("-o", "--output") { HelpName = "FILE", Description = "write a file" };
        Option<string?> time = new("--for") { HelpName = "TIME", Description = "end after so long" };
        ClientVerb verb = new("capture", "Record what goes through a port.", Manual, "PORT");
        verb.Command.Add(file);
        verb.Command.Add(time);
        verb.Command.Add(CreateShow());
        return verb.Runs((call, _) =>
        {
            TimeSpan? length = call.Parsed.GetValue(time) is string text ? TimeText.Read("--for", text, TimeSpan.FromMilliseconds(1), Longest) : null;
            return call.IsJson
                ? throw new UsageException("capture: --json is for answers, and a capture has a format of its own")
                : RunAsync(call, call.Parsed.GetValue(file), length);
        }).Command;
    }

    private static ManualCommand CreateShow()
    {
        Argument<string> file = new("FILE");
        ManualCommand command = new("show", "Print a capture.", ShowManual) { file };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            string path = parsed.GetRequiredValue(file);
            await using CaptureReader capture = await CaptureReader.OpenAsync(CaptureFile.Open(path), path, keep: null, cancellationToken);
            _ = await ShowAsync(capture, cancellationToken);
            if (capture.IsCutOff)
            {
                StandardStream.Complain($"{path}: its last record is cut off");
            }

            return 0;
        });
        return command;
    }

    private static async Task<int> RunAsync(ClientCall call, string? file, TimeSpan? length)
    {
        using StopSignals signals = new();
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(signals.Token);
        try
        {
            VmTarget target = await call.FindVmAsync(signals.Token);
            Stream recording = await target.Client.CaptureAsync(target.Vm, call.Words[0], signals.Token);
            bool isShown = file is null && Terminal.Is(FileDescriptor.Borrow(1));
            await using FileStream? output = file is null ? null : CaptureFile.Create(file);
            Func<ReadOnlyMemory<byte>, bool>? keep = isShown ? null : bytes => Write(output, bytes.Span);
            if (length is TimeSpan time)
            {
                end.CancelAfter(time);
            }

            await using CaptureReader capture = await CaptureReader.OpenAsync(recording, target.Vm, keep, end.Token);
            bool isDone = isShown ? await ShowAsync(capture, end.Token) : await TallyAsync(capture, file, end.Token);
            if (isDone && Terminal.Is(FileDescriptor.Borrow(2)))
            {
                StandardStream.Complain($"{PortText.Safe(target.Vm)} {CaptureText.Port(capture.Header)} was unplugged, or its server has stopped");
            }
        }
        catch (OperationCanceledException)
        {
            // Recorded as long as was wanted.
        }

        return 0;
    }

    /// <summary>Prints records. False when nobody reads.</summary>
    private static async Task<bool> ShowAsync(CaptureReader capture, CancellationToken cancellationToken)
    {
        bool isRead = StandardStream.WriteOutput(CaptureText.Header(capture.Header));
        while (isRead && await capture.ReadAsync(cancellationToken) is CaptureEntry entry)
        {
            isRead = StandardStream.WriteOutput(CaptureText.Entry(entry));
        }

        return isRead;
    }

    /// <summary>Counts records while they are written. True at their end.</summary>
    private static async Task<bool> TallyAsync(CaptureReader capture, string? file, CancellationToken cancellationToken)
    {
        CaptureTally tally = new();
        ProgressLine progress = new();
        long shown = 0;
        try
        {
            while (await capture.ReadAsync(cancellationToken) is CaptureEntry entry)
            {
                tally.Add(entry);
                if (Environment.TickCount64 - shown >= ProgressInterval.TotalMilliseconds)
                {
                    shown = Environment.TickCount64;
                    progress.Show(tally.ToString());
                }
            }

            return true;
        }
        finally
        {
            progress.Clear();
            if (file is not null)
            {
                StandardStream.Complain($"{file}: {tally}");
            }
        }
    }

    /// <summary>Writes to a file, or to standard output. False when nobody reads that any more.</summary>
    private static bool Write(FileStream? file, ReadOnlySpan<byte> bytes)
    {
        file?.Write(bytes);
        return file is not null || StandardStream.WriteOutput(bytes);
    }
}
