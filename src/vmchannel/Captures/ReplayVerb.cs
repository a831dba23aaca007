using System.CommandLine;
using VmChannel.Cli.Client;
using VmChannel.Cli.CommandLine;
using VmChannel.Control;
using VmChannel.Wire.Capture;

namespace VmChannel.Cli.Captures;

/// <summary><c>vmchannel replay</c>: sends to a guest again what a capture has.</summary>
internal static class ReplayVerb
{
    private const string ToGuest = "to-guest";
    private const string FromGuest = "from-guest";
    private const double MostSpeed = 1_000_000;

    private const string Manual = """
        vmchannel replay - send to a guest again what a capture has

        Usage:
          vmchannel replay [VM] PORT FILE [--speed N] [--direction to-guest|from-guest]

        What the host sent when FILE was made goes to the guest at PORT, at the same pace, beside what others send. What
        the guest answers is dropped: record it with "vmchannel capture" if it matters.

          --speed N             2 is twice as fast, 0.5 half as fast, 0 at once (default 1)
          --direction to-guest  what the guest was given (the default)
          --direction from-guest
                                what the guest wrote: for a guest that is to see what another one said

        Examples:
          vmchannel replay web clipboard clipboard.cap
          vmchannel replay web 4 clipboard.cap --speed 0

        Exit codes: 0 all was sent, 1 the port ended before, or something failed.

        Options:

        """;

    public static Command Create()
    {
        Option<double> speed = new("--speed") { HelpName = "N", Description = "how fast, 0 = at once", DefaultValueFactory = _ => 1 };
        Option<string> direction = new("--direction") { HelpName = "DIRECTION", Description = "which bytes", DefaultValueFactory = _ => ToGuest };
        _ = direction.AcceptOnlyFromAmong(ToGuest, FromGuest);
        ClientVerb verb = new("replay", "Send to a guest again what a capture has.", Manual, "PORT", "FILE");
        verb.Command.Add(speed);
        verb.Command.Add(direction);
        return verb.Runs((call, _) =>
        {
            double factor = call.Parsed.GetValue(speed);
            return factor is >= 0 and <= MostSpeed
                ? RunAsync(call, factor, call.Parsed.GetValue(direction) == FromGuest ? CaptureDirection.FromGuest : CaptureDirection.ToGuest)
                : throw new UsageException($"--speed {factor}: a number from 0 (at once) to {MostSpeed:0} is needed");
        }).Command;
    }

    private static async Task RunAsync(ClientCall call, double speed, CaptureDirection direction)
    {
        using StopSignals signals = new();
        try
        {
            string file = call.Words[1];
            await using CaptureReader capture = await CaptureReader.OpenAsync(CaptureFile.Open(file), file, keep: null, signals.Token);
            VmTarget target = await call.FindVmAsync(signals.Token);
            await using AttachedPort port = await target.Client.AttachAsync(target.Vm, call.Words[0], AttachAccess.Writer, signals.Token);
            Replay replay = new(capture, port, direction, speed);
            if (!await replay.RunAsync(signals.Token))
            {
                throw new ControlException($"{PortText.Safe(target.Vm)} {call.Words[0]}: {port.EndReason}; {replay.SentBytes} bytes were sent before");
            }

            if (replay.MissedBytes > 0)
            {
                StandardStream.Complain($"{file}: {replay.MissedBytes} bytes are missing in it, and were not sent");
            }

            StandardStream.Complain($"{PortText.Bytes(replay.SentBytes)} sent");
        }
        catch (OperationCanceledException)
        {
            throw new ControlException("interrupted: not all was sent");
        }
    }
}
