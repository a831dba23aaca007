using VmChannel.Cli.Serve;
using VmChannel.Control;
using VmChannel.Device.Options;

namespace VmChannel.Cli.Config;

/// <summary>Makes a server follow a newer reading of its file, once. Steps that fail are noted, and the others go on.</summary>
/// <param name="server">The server.</param>
/// <param name="before">What it follows now.</param>
/// <param name="stopping">Ends the waiting for whoever does not come: the server is being stopped.</param>
internal sealed class ConfigChange(Server server, ServerConfig before, CancellationToken stopping)
{
    private readonly List<string> _added = [];
    private readonly List<string> _removed = [];
    private readonly List<string> _changed = [];
    private readonly List<string> _failed = [];
    private readonly Dictionary<string, VmConfig> _vms = before.Vms.ToDictionary(vm => vm.Plan.Name);
    private int _unchanged;

    /// <summary>What the server follows after the change: what failed is not in it, so that the next change tries it again.</summary>
    public ServerConfig Applied => before with { Vms = [.. _vms.Values] };

    /// <summary>Takes away first what others may need (sockets, numbers, names), then changes, then adds.</summary>
    public async Task<ReloadResult> ApplyAsync(ServerConfig after)
    {
        if (after.Control != before.Control)
        {
            _failed.Add("control, control-tcp or control-token-file differs: these are read at the start only; restart vmchannel for them");
        }

        if (after.Loops != before.Loops)
        {
            _failed.Add("poll-us or loops differs: these are read at the start only; restart vmchannel for them");
        }

        Dictionary<string, VmConfig> wanted = after.Vms.ToDictionary(vm => vm.Plan.Name);
        foreach (VmConfig gone in _vms.Values.Where(vm => !wanted.ContainsKey(vm.Plan.Name)).ToArray())
        {
            await RemoveAsync(gone);
        }

        List<(VmHost Host, VmDifference Difference)> kept = [];
        foreach (VmConfig vm in after.Vms)
        {
            if (await KeepAsync(vm) is VmHost host)
            {
                kept.Add((host, VmDifference.Between(_vms[host.Name], vm)));
            }
        }

        foreach ((VmHost host, VmDifference difference) in kept)
        {
            await UnplugAsync(host, difference);
        }

        // Changes may free what new ports take: a socket's path, say.
        List<Step> steps = [.. kept.SelectMany(vm => vm.Difference.Wanted.Select(port => new Step(vm.Host, port, Find(vm.Host, port), IsMoved(vm.Difference, port))))];
        foreach (Step step in steps.OrderBy(step => step.Served is null))
        {
            await (step.Served is null ? PlugAsync(step) : ChangeAsync(step, step.Served));
        }

        foreach (VmConfig vm in after.Vms.Where(vm => !_vms.ContainsKey(vm.Plan.Name)))
        {
            await AddAsync(vm);
        }

        return new(_added, _removed, _changed, _unchanged, _failed);
    }

    /// <summary>The VM that goes on; null when it is to be added, for the first time or with a new device.</summary>
    private async Task<VmHost?> KeepAsync(VmConfig vm)
    {
        if (server.Find(vm.Plan.Name) is not VmHost host || !_vms.TryGetValue(vm.Plan.Name, out VmConfig? applied))
        {
            _ = _vms.Remove(vm.Plan.Name);
            return null;
        }

        if (VmDifference.Between(applied, vm).NewDevice is not string keys)
        {
            return host;
        }

        if (await host.IsConnectedAsync())
        {
            _failed.Add($"{vm.Origin}: {keys} of {host.Name} needs a new device, and its guest would not survive the loss of this one: stop the VM, then reload again");
            return host;
        }

        // Nobody sees the device: it can be another.
        _ = await server.RemoveAsync(host.Name, stopping);
        _ = _vms.Remove(host.Name);
        return null;
    }

    private async Task RemoveAsync(VmConfig vm)
    {
        _ = await server.RemoveAsync(vm.Plan.Name, stopping);
        _ = _vms.Remove(vm.Plan.Name);
        _removed.Add(vm.Plan.Name);
    }

    private async Task AddAsync(VmConfig vm)
    {
        bool wasThere = before.Vms.Any(other => other.Plan.Name == vm.Plan.Name);
        if (await TryAsync(vm.Plan.Name, () => server.AddAsync(vm.Plan, waitsForClients: false, stopping)))
        {
            _vms.Add(vm.Plan.Name, vm);
            (wasThere ? _changed : _added).Add(vm.Plan.Name);
        }
    }

    private async Task UnplugAsync(VmHost host, VmDifference difference)
    {
        foreach (PortConfig port in difference.Gone)
        {
            // One that was unplugged by hand is gone already, and another may have its number.
            if (Find(host, port) is ServedPort served && await host.UnplugAsync(served.Plan.Spec.Number, stopping)
                && !difference.Wanted.Any(wanted => wanted.Identity == port.Identity))
            {
                _removed.Add($"{host.Name} {served.Plan.Spec}");
            }

            Note(host, port.Identity, null);
        }

        foreach (PortConfig port in difference.Kept)
        {
            Note(host, port.Identity, port);
        }

        _unchanged += difference.Kept.Count;
    }

    private async Task PlugAsync(Step step)
    {
        PortPlan? plan = null;
        if (await TryAsync(step.Host.Name, async () => plan = (await step.Host.PlugAsync(step.Port.Request, stopping)).Plan))
        {
            Note(step.Host, step.Port.Identity, step.Port with { Plan = plan! });
            (step.IsMoved ? _changed : _added).Add($"{step.Host.Name} {plan!.Spec}");
        }
    }

    /// <summary>Changes a port where it is, whoever plugged it in.</summary>
    private async Task ChangeAsync(Step step, ServedPort served)
    {
        (VmHost host, PortConfig port) = (step.Host, step.Port);
        int number = served.Plan.Spec.Number;
        if (port.Request.Number is int wanted && wanted != number)
        {
            _failed.Add($"{host.Name}: {port.Plan.Origin}: {served.Plan.Spec} was plugged by hand, with another number: unplug it, then reload again");
            return;
        }

        PortPlan plan = VmDifference.At(port.Plan, number);
        bool isSame = served.Plan.DifferenceTo(plan) == PortDifference.None;
        if (isSame)
        {
            _unchanged++;
        }
        else if (await TryAsync(host.Name, () => host.ChangeAsync(plan, stopping)))
        {
            _changed.Add($"{host.Name} {plan.Spec}");
        }
        else
        {
            return;
        }

        Note(host, port.Identity, port with { Plan = plan });
    }

    /// <summary>The server follows this entry of the file from here on; null = it has none any more.</summary>
    private void Note(VmHost host, string identity, PortConfig? port)
    {
        VmConfig vm = _vms[host.Name];
        IEnumerable<PortConfig> others = vm.Ports.Where(other => other.Identity != identity);
        _vms[host.Name] = vm with { Ports = port is null ? [.. others] : [.. others, port] };
    }

    private static bool IsMoved(VmDifference difference, PortConfig port) => difference.Gone.Any(gone => gone.Identity == port.Identity);

    /// <summary>The port as it is now, whatever its number.</summary>
    private static ServedPort? Find(VmHost host, PortConfig port)
        => host.Ports.FirstOrDefault(served => served.Plan.Spec.IsConsole == port.Plan.Spec.IsConsole
            && (served.Plan.Spec.IsConsole || served.Plan.Spec.Protocol == port.Plan.Spec.Protocol));

    private async Task<bool> TryAsync(string vm, Func<Task> step)
    {
        try
        {
            await step();
            return true;
        }
        catch (IOException e)
        {
            _failed.Add($"{vm}: {e.Message}");
            return false;
        }
    }

    /// <summary>A port to be plugged in, or changed where it is.</summary>
    private sealed record Step(VmHost Host, PortConfig Port, ServedPort? Served, bool IsMoved);
}
