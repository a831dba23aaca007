using System.Globalization;
using VmChannel.Cli.CommandLine;
using VmChannel.Control;
using VmChannel.Device.Chardevs;
using VmChannel.Native;

namespace VmChannel.Cli.Client;

/// <summary>Answers of a server as tables and lines for people.</summary>
internal static class ControlText
{
    /// <summary>The terminal's width; null when output goes elsewhere.</summary>
    public static int? Width
        => Terminal.Is(FileDescriptor.Borrow(1)) && StdioChardev.TryGetSize(out TerminalSize size) && size.Columns > 0 ? size.Columns : null;

    public static string Vms(IReadOnlyList<VmInfo> vms, int? width)
    {
        if (vms.Count == 0)
        {
            return "no VM is served: vmchannel serve starts one\n";
        }

        TextTable table = new(width, "VM", "STATE", ">PORTS", ">OPEN", ">STALLED", "VMM", "ENDPOINT");
        foreach (VmInfo vm in vms)
        {
            table.Add(
                PortText.Safe(vm.Name), State(vm.State), Count(vm.Ports), Count(vm.OpenPorts), Count(vm.StalledPorts), PortText.Safe(vm.FrontEnd),
                PortText.Safe(vm.Endpoint));
        }

        return table.ToString();
    }

    public static string Ports(IReadOnlyList<PortInfo> ports, int? width, DateTimeOffset now)
    {
        if (ports.Count == 0)
        {
            return "no port is plugged in: vmchannel plug adds one\n";
        }

        TextTable table = new(width, ">PORT", "NAME", "GUEST", "HOST", "STATE", ">FROM GUEST", ">TO GUEST", "HOST END");
        foreach (PortInfo port in ports)
        {
            table.Add(
                PortText.Number(port), port.Protocol is null ? "(console)" : PortText.Safe(port.Protocol), PortText.Guest(port), PortText.Host(port),
                PortText.State(port, now), PortText.Bytes(port.Counters.FromGuestBytes), PortText.Bytes(port.Counters.ToGuestBytes),
                PortText.Safe(port.HostEnd) + (port.Clients.Count == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $" and {port.Clients.Count} beside it")));
        }

        return table.ToString();
    }

    /// <summary>One line: when, where, what, why.</summary>
    public static string Event(ChannelEvent told)
    {
        string where = told.Port is int port ? $"{told.Vm} {PortText.Name(port, told.Protocol)}" : told.Vm;
        string what = told.Kind.Replace('-', ' ') + (told.Generation is long generation ? string.Create(CultureInfo.InvariantCulture, $" ({generation})") : "");
        string why = told.Cause is null ? "" : $": {told.Cause}";
        return StandardStream.Printable($"{told.Time.ToLocalTime().ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture)} {where}: {what}{why}") + "\n";
    }

    public static string State(VmState state) => state switch
    {
        VmState.NotConnected => "no VMM",
        VmState.Connected => "no driver",
        _ => state.ToString().ToLowerInvariant(),
    };

    private static string Count(int number) => number.ToString(CultureInfo.InvariantCulture);
}
