using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;
using VmChannel.Guest;

namespace VmChannel.GuestTool;

/// <summary>One line of <c>watch --events --json</c>; members that are unknown are left out.</summary>
internal sealed record WatchedEvent(ChannelEventKind Event, string Name, uint? Port, string Path, string? Link);

/// <summary><c>watch</c>: does udev's work for channels where there is no udev, or tells what comes and goes.</summary>
internal static class WatchVerb
{
    public static Command Create()
    {
        Option<bool> once = new("--once") { Description = "Make the links for the channels there are now, and end" };
        Option<bool> events = new("--events") { Description = "Make no links: print a line for each channel plugged or unplugged, and each host end opened or closed (root only)" };
        Option<bool> json = new("--json") { Description = "With --events: one JSON object per line" };
        Command command = new("watch", "Keep the links to channels in /dev up to date, where udev does not.") { once, events, json };
        command.Validators.Add(result =>
        {
            if (result.GetValue(once) && result.GetValue(events))
            {
                result.AddError("--once makes links and --events does not: give one of them; vmchannel-guest list shows what there is now");
            }
            else if (result.GetValue(json) && !result.GetValue(events))
            {
                result.AddError("--json needs --events: links are all that watch makes without it");
            }
        });
        command.SetAction(async (parsed, cancellation) =>
            parsed.GetValue(events) ? await TellAsync(parsed.GetValue(json), cancellation) : Run(parsed.GetValue(once)));
        return command;
    }

    private static int Run(bool once)
    {
        const string Folder = "/dev";
        try
        {
            Action<string> log = KernelLog.IsStandardError() ? KernelLog.Info : StandardStream.Complain;
            LinkKeeper keeper = new(Folder, PortScan.DefaultFolder, log, AdapterScan.DefaultFolder, AccessGroup.DefaultFile)
            {
                TrustsLinks = once,
            };
            if (once)
            {
                _ = keeper.Update();
            }
            else
            {
                keeper.Run();
            }

            return Failure.None;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return Failure.Report(fault.Message);
        }
    }

    private static async Task<int> TellAsync(bool asJson, CancellationToken cancellation)
    {
        if (!Console.IsErrorRedirected && !PortState.IsKnowable)
        {
            StandardStream.Complain("host ends are not seen: the kernel shows them to root, in debugfs (mount -t debugfs none /sys/kernel/debug)");
        }

        try
        {
            await foreach (ChannelEvent change in VmChannels.WatchAsync(cancellationToken: cancellation))
            {
                ChannelInfo channel = change.Channel;
                WatchedEvent told = new(change.Kind, channel.Name, channel.PortNumber, channel.DevicePath, channel.Link);
                if (!StandardStream.Write(asJson
                    ? $"{JsonSerializer.Serialize(told, WatchJson.Default.WatchedEvent)}\n"
                    : $"{JsonNamingPolicy.KebabCaseLower.ConvertName(change.Kind.ToString())} {told.Name} ({told.Path})\n"))
                {
                    break;
                }
            }

            return Failure.None;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return Failure.Report(fault.Message);
        }
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(KebabCaseEnum<ChannelEventKind>)])]
[JsonSerializable(typeof(WatchedEvent))]
internal sealed partial class WatchJson : JsonSerializerContext;
