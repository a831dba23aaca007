using VmChannel.Device.Options;

namespace VmChannel.Cli.Serve;

/// <summary>The log files of a server's ports, across its VMs: each is one port's, or their lines would mix. Thread-safe.</summary>
/// <remarks>Within a VM its table of ports says more: it knows which chardevs write files.</remarks>
internal sealed class LogFileClaims
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, (string Vm, int Port)> _owners = [];

    /// <summary>Takes a port's log file before the port opens it; what the port had before stays its own until <see cref="Settle"/>.</summary>
    /// <exception cref="PortConflictException">It is another VM's.</exception>
    public void Claim(string vm, PortPlan plan)
    {
        if (plan.Spec.LogFile is not { Path: string path })
        {
            return;
        }

        (string Vm, int Port) owner = (vm, plan.Spec.Number);
        lock (_lock)
        {
            if (!_owners.TryAdd(Path.GetFullPath(path), owner) && _owners[Path.GetFullPath(path)] is { } other && other.Vm != vm)
            {
                throw new PortConflictException($"{plan.Origin}: logfile={path} is written for port {other.Port} of VM {other.Vm} already: every port needs its own");
            }

            _owners[Path.GetFullPath(path)] = owner;
        }
    }

    /// <summary>Gives back what a port has claimed, but for the log file it has now.</summary>
    /// <param name="vm">Its VM.</param>
    /// <param name="port">Its number.</param>
    /// <param name="now">The port as it is; null = it is gone.</param>
    public void Settle(string vm, int port, PortPlan? now)
    {
        string? kept = now?.Spec.LogFile is { Path: string path } ? Path.GetFullPath(path) : null;
        Release((file, owner) => owner == (vm, port) && file != kept);
    }

    /// <summary>Gives back all of a VM's.</summary>
    public void Release(string vm) => Release((_, owner) => owner.Vm == vm);

    private void Release(Func<string, (string Vm, int Port), bool> isOver)
    {
        lock (_lock)
        {
            foreach (string file in _owners.Where(claim => isOver(claim.Key, claim.Value)).Select(claim => claim.Key).ToArray())
            {
                _ = _owners.Remove(file);
            }
        }
    }
}
