using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;
using VmChannel.Guest;

namespace VmChannel.GuestTool;

/// <summary>One line of <c>list --json</c>; members that are unknown are left out.</summary>
internal sealed record ListedChannel(
    string? Name, uint? Port, uint? Device, string Path, string? Link, bool? GuestOpen, bool? HostOpen, string? Problem);

/// <summary><c>list</c>: the ports and adapters of this guest, their names and links.</summary>
internal static class ListVerb
{
    public static Command Create()
    {
        Option<bool> json = new("--json") { Description = "One JSON object per line instead of a table" };
        Command command = new("list", "List the channels of this virtual machine.") { json };
        command.SetAction(parsed => Run(parsed.GetValue(json)));
        return command;
    }

    private static int Run(bool asJson)
    {
        IReadOnlyList<GuestPort> ports = [.. PortScan.Read(), .. AdapterScan.Read()];
        IReadOnlyDictionary<string, PortId?> links = new DeviceLinks("/dev").Read();
        LinkPlan plan = LinkPlan.Make(ports, links);
        List<ListedChannel> channels = [.. ports.Where(port => !port.IsInternal).Select(port => Describe(port, plan, links))];
        if (asJson)
        {
            _ = StandardStream.Write(string.Concat(channels.Select(channel => $"{JsonSerializer.Serialize(channel, ListJson.Default.ListedChannel)}\n")));
        }
        else
        {
            PrintTable(channels);
        }

        return Failure.None;
    }

    private static ListedChannel Describe(GuestPort port, LinkPlan plan, IReadOnlyDictionary<string, PortId?> links)
    {
        PortState state = port.Id.IsUsb ? new(null, null, null) : PortState.Read(port.Id);
        string? link = port.Protocol is { } name ? LinkPlan.ChannelPath(name) : null;

        // The plan says what should be; only what is there counts.
        bool linked = link is not null && links.TryGetValue(link, out PortId? target) && target == port.Id;
        string? problem = plan.Skipped.TryGetValue(port.Id, out string? reason) ? reason
            : state.IsConsole == true ? "it is a console"
            : port.Shown is null ? "it has no name"
            : linked ? null : "its link is not there: neither udev nor vmchannel-guest watch has made it";
        return new(
            port.Shown, port.Id.IsUsb ? null : port.Id.Number, port.Id.IsUsb ? null : port.Id.Device, port.Path, linked ? $"/dev/{link}" : null, state.GuestOpen, state.HostOpen, problem);
    }

    private static void PrintTable(List<ListedChannel> channels)
    {
        if (channels.Count == 0)
        {
            StandardStream.Complain("this machine has no virtio-serial ports, and no USB adapters that are channels");
            return;
        }

        bool stateKnown = channels.Exists(channel => channel.GuestOpen is not null);
        List<string[]> rows = [["NAME", "PORT", "DEVICE", "LINK", .. stateKnown ? (string[])["GUEST", "HOST"] : []]];
        foreach (ListedChannel channel in channels)
        {
            string[] state = stateKnown ? [OpenOrClosed(channel.GuestOpen), OpenOrClosed(channel.HostOpen)] : [];
            rows.Add([channel.Name ?? "-", channel.Port is uint port ? $"{port}" : "-", channel.Path, channel.Link ?? "-", .. state]);
        }

        int[] widths = [.. Enumerable.Range(0, rows[0].Length).Select(column => rows.Max(row => row[column].Length))];
        _ = StandardStream.Write(string.Concat(rows.Select(row => $"{string.Join("  ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd()}\n")));

        foreach (ListedChannel channel in channels.Where(channel => channel is { Problem: not null, Link: null, Name: not null }))
        {
            StandardStream.Complain($"{channel.Name} ({channel.Path}) has no link: {channel.Problem}");
        }
    }

    private static string OpenOrClosed(bool? open) => open switch { true => "open", false => "closed", null => "?" };
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ListedChannel))]
internal sealed partial class ListJson : JsonSerializerContext;
