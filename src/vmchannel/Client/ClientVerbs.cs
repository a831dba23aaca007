using System.CommandLine;
using VmChannel.Cli.Agent;
using VmChannel.Cli.Attach;
using VmChannel.Cli.Captures;
using VmChannel.Cli.Clipboards;
using VmChannel.Cli.CommandLine;
using VmChannel.Cli.Doctor;
using VmChannel.Cli.Http;
using VmChannel.Cli.Top;
using VmChannel.Control;

namespace VmChannel.Cli.Client;

/// <summary>The commands that ask a running server something, or have it change something.</summary>
internal static class ClientVerbs
{
    /// <summary>In the order in which help shows them.</summary>
    public static IEnumerable<Command> Create() =>
    [
        new ClientVerb("vms", "List the VMs that are served.", ClientManual.Vms).Runs(VmsAsync).Command,
        new ClientVerb("ports", "List a VM's ports.", ClientManual.Ports).Runs(PortsAsync).Command,
        new ClientVerb("inspect", "Show all that is known about a VM.", ClientManual.Inspect).Runs(InspectAsync).Command,
        new ClientVerb("watch", "Show what happens, as it happens.", ClientManual.Watch).Runs(EventPrinter.RunAsync).Command,
        new ClientVerb("plug", "Plug a port in while the VM runs.", ClientManual.Plug, "OPTIONS").Runs(PlugAsync).Command,
        new ClientVerb("unplug", "Take a port out.", ClientManual.Unplug, "PORT").Runs(UnplugAsync).Command,
        new ClientVerb("set", "Change a port while its guest has it open.", ClientManual.Set, "PORT", "OPTIONS").Runs(SetAsync).Command,
        AttachVerb.Create(),
        ClipboardVerb.Create(),
        HttpVerb.Create(),
        ForwardVerb.Create(),
        AgentVerb.Create(),
        TopVerb.Create(),
        CaptureVerb.Create(),
        ReplayVerb.Create(),
        DoctorVerb.Create(),
        new ClientVerb("reload", "Have a server read its configuration file again.", ClientManual.Reload).Runs(ReloadAsync).Command,
    ];

    private static async Task VmsAsync(ClientCall call, CancellationToken cancellationToken)
    {
        IReadOnlyList<VmInfo> vms;
        if (call.Vm is null)
        {
            vms = [.. (await call.Servers.ListAsync(cancellationToken)).SelectMany(server => server.Vms)];
        }
        else
        {
            VmTarget target = await call.FindVmAsync(cancellationToken);
            vms = [await target.Client.GetVmAsync(target.Vm, cancellationToken)];
        }

        call.Answer(vms, ControlJson.Default.IReadOnlyListVmInfo, list => ControlText.Vms(list, ControlText.Width));
    }

    private static async Task PortsAsync(ClientCall call, CancellationToken cancellationToken)
    {
        VmTarget target = await call.FindVmAsync(cancellationToken);
        IReadOnlyList<PortInfo> ports = await target.Client.GetPortsAsync(target.Vm, cancellationToken);
        call.Answer(
            ports, ControlJson.Default.IReadOnlyListPortInfo, list => ControlText.Ports(list, ControlText.Width, DateTimeOffset.UtcNow));
    }

    private static async Task InspectAsync(ClientCall call, CancellationToken cancellationToken)
    {
        VmTarget target = await call.FindVmAsync(cancellationToken);
        VmInspection inspection = await target.Client.InspectAsync(target.Vm, cancellationToken);
        call.Answer(inspection, ControlJson.Default.VmInspection, all => InspectTree.Text(all, DateTimeOffset.UtcNow));
    }

    private static async Task PlugAsync(ClientCall call, CancellationToken cancellationToken)
    {
        VmTarget target = await call.FindVmAsync(cancellationToken);
        PortInfo port = await target.Client.PlugAsync(target.Vm, call.Words[0], cancellationToken);
        call.Answer(port, ControlJson.Default.PortInfo, plugged => Done(plugged, "plugged in", target.Vm));
    }

    private static async Task UnplugAsync(ClientCall call, CancellationToken cancellationToken)
    {
        VmTarget target = await call.FindVmAsync(cancellationToken);
        PortInfo port = await target.Client.UnplugAsync(target.Vm, call.Words[0], cancellationToken);
        call.Answer(port, ControlJson.Default.PortInfo, unplugged => Done(unplugged, "taken out", target.Vm));
    }

    private static async Task SetAsync(ClientCall call, CancellationToken cancellationToken)
    {
        VmTarget target = await call.FindVmAsync(cancellationToken);
        PortInfo port = await target.Client.ChangeAsync(target.Vm, call.Words[0], call.Words[1], cancellationToken);
        call.Answer(port, ControlJson.Default.PortInfo, changed => Done(changed, "changed", target.Vm));
    }

    private static async Task ReloadAsync(ClientCall call, CancellationToken cancellationToken)
    {
        ControlClient server = await call.Servers.FindServerAsync(call.Vm, cancellationToken);
        ReloadResult result;
        try
        {
            result = await server.ReloadAsync(cancellationToken);
        }
        catch (ControlException e) when (e.Problem?.Errors is { Count: > 0 } errors)
        {
            // As compilers print them, so that editors find the lines.
            StandardStream.WriteError(string.Concat(errors.Select(error => $"{StandardStream.Printable(error)}\n")));
            throw new ControlException(e.Problem.Detail ?? e.Problem.Title);
        }

        call.Answer(result, ControlJson.Default.ReloadResult, Reloaded);
        if (result.Failed.Count > 0)
        {
            throw new ControlException($"{result.Failed.Count} changes could not be made; the next reload tries again");
        }
    }

    private static string Done(PortInfo port, string what, string vm)
        => $"{PortText.Safe(vm)} {PortText.Name(port.Number, port.Protocol)}: {what}; host end {PortText.Safe(port.HostEnd)}\n";

    private static string Reloaded(ReloadResult result)
        => string.Concat(
            [
                .. result.Added.Select(what => $"added    {PortText.Safe(what)}\n"),
                .. result.Removed.Select(what => $"removed  {PortText.Safe(what)}\n"),
                .. result.Changed.Select(what => $"changed  {PortText.Safe(what)}\n"),
                .. result.Failed.Select(what => $"failed   {PortText.Safe(what)}\n"),
                $"{result.Unchanged} ports unchanged\n",
            ]);
}
