using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using VmChannel.Guest;
using VmChannel.Native;
using VmChannel.Wire;

namespace VmChannel.GuestTool;

/// <summary><c>open</c>: joins standard input and output to a channel.</summary>
internal static class OpenVerb
{
    private const string Endless = "inf";

    public static Command Create()
    {
        Argument<ProtocolName> name = new("NAME") { Description = "Protocol name, such as org.qemu.clipboard", CustomParser = ParseName };
        Option<TimeSpan> wait = new("--wait")
        {
            Description = "Wait for the channel to appear, for ever or that many seconds (--wait=5)",
            CustomParser = ParseSeconds,
        };
        Option<TimeSpan> linger = new("--quit-after", "-q")
        {
            Description = "After the end of the input go on for that many seconds; without it until the host closes",
            CustomParser = ParseSeconds,
            DefaultValueFactory = _ => Timeout.InfiniteTimeSpan,
        };
        Command command = new("open", "Join standard input and output to a channel, byte for byte. Ends when the host closes its end.")
        {
            name, wait, linger,
        };
        command.SetAction(parsed => RunAsync(parsed.GetRequiredValue(name), parsed.GetValue(wait), parsed.GetValue(linger)));
        return command;
    }

    /// <summary>Lets <c>--wait</c> stand alone: its value is optional, and then the next word must not be taken for it.</summary>
    /// <remarks>What comes after <c>--</c> is another program's.</remarks>
    public static string[] Normalise(string[] args)
    {
        int end = Array.IndexOf(args, "--");
        return [.. args.Select((arg, i) => arg == "--wait" && (end < 0 || i < end) ? $"--wait={Endless}" : arg)];
    }

    private static async Task<int> RunAsync(ProtocolName name, TimeSpan wait, TimeSpan linger)
    {
        try
        {
            await using ChannelStream channel = await VmChannels.OpenAsync(name.Text, wait);
            ChannelRelay relay = new(channel, FileDescriptor.Borrow(0), FileDescriptor.Borrow(1), linger);
            RelayEnd end = await relay.RunAsync();
            return end == RelayEnd.OutputClosed ? Failure.Report("standard output is closed")
                : relay.UnsentBytes == 0 ? Failure.None
                : Failure.Report($"{name} ({channel.DevicePath}): the host closed its end, {relay.UnsentBytes} bytes or more of the input were not sent");
        }
        catch (ChannelNotFoundException) when (wait == TimeSpan.Zero)
        {
            return Failure.Report($"no channel {name} on this machine; --wait waits for it. vmchannel-guest list shows those there are");
        }
        catch (ChannelException fault)
        {
            return Failure.Report(fault.Message);
        }
        catch (IOException fault)
        {
            return Failure.Report($"{name}: {fault.Message}");
        }
    }

    internal static ProtocolName ParseName(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (!ProtocolName.TryParse(text, out ProtocolName name, out string? reason))
        {
            result.AddError($"'{text}' is no protocol name: it {reason}");
        }

        return name;
    }

    internal static TimeSpan ParseSeconds(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (text == Endless)
        {
            return Timeout.InfiniteTimeSpan;
        }

        if (!double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds) || seconds is not (>= 0 and <= int.MaxValue / 1000))
        {
            result.AddError($"'{text}' is no number of seconds, as in 5 or 0.5");
            return TimeSpan.Zero;
        }

        return TimeSpan.FromSeconds(seconds);
    }
}
