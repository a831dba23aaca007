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
        command.SetAction(parsed => Run(parsed.GetRequiredValue(name), parsed.GetValue(wait), parsed.GetValue(linger)));
        return command;
    }

    /// <summary>Lets <c>--wait</c> stand alone: its value is optional, and then the next word must not be taken for it.</summary>
    /// <remarks>What comes after <c>--</c> is another program's.</remarks>
    public static string[] Normalise(string[] args)
    {
        int end = Array.IndexOf(args, "--");
        return [.. args.Select((arg, i) => arg == "--wait" && (end < 0 || i < end) ? $"--wait={Endless}" : arg)];
    }

    private static int Run(ProtocolName name, TimeSpan wait, TimeSpan linger)
    {
        try
        {
            if (PortSearch.Find(name, wait) is not GuestPort port)
            {
                string waited = wait == TimeSpan.Zero ? "; --wait waits for it" : $" after {wait.TotalSeconds.ToString(CultureInfo.InvariantCulture)} s";
                return Failure.Report($"no channel {name} on this machine{waited}. vmchannel-guest list shows those there are");
            }

            PosixResult result = FileDescriptor.Open(port.Path, OpenFlags.ReadWrite | OpenFlags.NonBlocking, 0, out FileDescriptor? channel);
            using (channel)
            {
                return channel is null
                    ? Failure.Report($"cannot open {name} ({port.Path}): {Explain(result)}")
                    : Relay($"{name} ({port.Path})", channel, linger);
            }
        }
        catch (IOException fault)
        {
            return Failure.Report($"{name}: {fault.Message}");
        }
    }

    private static int Relay(string shown, FileDescriptor channel, TimeSpan linger)
    {
        ChannelRelay relay = new(channel, FileDescriptor.Borrow(0), FileDescriptor.Borrow(1), linger);
        RelayEnd end = relay.Run();
        return end switch
        {
            RelayEnd.Unplugged => Failure.Report($"{shown} was unplugged"),
            RelayEnd.OutputClosed => Failure.Report("standard output is closed"),
            _ when relay.UnsentBytes > 0 => Failure.Report($"{shown}: the host closed its end, {relay.UnsentBytes} bytes or more of the input were not sent"),
            _ => Failure.None,
        };
    }

    private static string Explain(PosixResult result) => result.Error switch
    {
        Errno.Busy => "another program has it open, and a port takes one at a time",
        Errno.NoDevice or Errno.NotFound => "it was unplugged just now",
        Errno.NoSuchDeviceOrAddress => "it is a console; its device is /dev/hvc0 or a higher number",
        Errno.AccessDenied or Errno.Permission => "permission denied; run as root, or let a udev rule give the device to a group",
        _ => result.Message,
    };

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

        if (!double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds) || seconds > int.MaxValue / 1000)
        {
            result.AddError($"'{text}' is no number of seconds, as in 5 or 0.5");
            return TimeSpan.Zero;
        }

        return TimeSpan.FromSeconds(seconds);
    }
}
