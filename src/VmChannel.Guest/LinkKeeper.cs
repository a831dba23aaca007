using VmChannel.Native;

namespace VmChannel.Guest;

/// <summary>Ports and links as they were after one look.</summary>
internal sealed record LinkState(IReadOnlyList<GuestPort> Ports, LinkPlan Plan);

/// <summary>Keeps the links of a guest without udev up to date with its ports.</summary>
/// <param name="deviceFolder">Where the links go, <c>/dev</c>.</param>
/// <param name="sysfsFolder">Where the ports are, <see cref="PortScan.DefaultFolder"/>.</param>
/// <param name="log">Gets lines for people; called by the thread that runs or updates.</param>
/// <param name="terminalFolder">Where the terminals are, <see cref="AdapterScan.DefaultFolder"/>; null = there are none.</param>
/// <param name="groupFile">Where the group that gets the devices is, <see cref="AccessGroup.DefaultFile"/>; null = they stay root's.</param>
/// <remarks>Events only say that it is time to look: what is done depends on sysfs and the links alone, so a lost event loses nothing.</remarks>
internal sealed class LinkKeeper(string deviceFolder, string sysfsFolder, Action<string> log, string? terminalFolder = null, string? groupFile = null)
{
    /// <summary>Others are done in milliseconds, and whoever keeps the folder longer must not keep the links from the guest.</summary>
    private static readonly TimeSpan TurnTime = TimeSpan.FromSeconds(2);

    private readonly DeviceLinks _links = new(deviceFolder);
    private readonly Lock _updating = new();
    private readonly object _changed = new();
    private HashSet<(PortId Port, string Reason)> _warned = [];
    private Dictionary<(PortId Port, FileIdentity? Registration), bool> _raw = [];
    private LinkState? _state;

    /// <summary>An adapter that has a link already was made raw by another process: it is not opened, which its host end would hear of.</summary>
    public bool TrustsLinks { get; init; }

    /// <summary>Looks once and makes the links right. Any thread, and any number of processes.</summary>
    /// <exception cref="IOException">The device folder cannot be read.</exception>
    public LinkState Update()
    {
        lock (_updating)
        {
            // mdev starts a process for each event, several at a time, perhaps beside a daemon: who looked first must not have the last word.
            using FileDescriptor? turn = FolderLock.TryTake(deviceFolder, TurnTime);
            IReadOnlyList<GuestPort> ports = [.. PortScan.Read(sysfsFolder), .. terminalFolder is null ? [] : AdapterScan.Read(terminalFolder)];
            IReadOnlyDictionary<string, PortId?> held = _links.Read();
            LinkState state = new(ports, LinkPlan.Make(ports, held));
            MakeRaw(state, held);
            Give(state.Plan);
            _links.Apply(state.Plan, held, log);
            Warn(state);
            lock (_changed)
            {
                _state = state;
                Monitor.PulseAll(_changed);
            }

            return state;
        }
    }

    /// <summary>Updates now and after every event, for ever.</summary>
    /// <exception cref="IOException">The kernel's events cannot be had.</exception>
    public void Run()
    {
        _ = UeventSocket.Open(out UeventSocket? socket).OrThrow("subscribe to kernel events");
        using (socket)
        {
            // Subscribed first: what appears while we look comes as an event.
            _ = Update();
            while (true)
            {
                PortEvents.Wait(socket!, Timeout.InfiniteTimeSpan);
                _ = Update();
            }
        }
    }

    /// <summary>Waits until the state is as wanted.</summary>
    /// <returns>The state, or null when the time is over.</returns>
    public LinkState? WaitUntil(Func<LinkState, bool> wanted, TimeSpan timeout)
    {
        Deadline deadline = new(timeout);
        lock (_changed)
        {
            while (_state is null || !wanted(_state))
            {
                if (deadline.IsOver || !Monitor.Wait(_changed, deadline.Left))
                {
                    return null;
                }
            }

            return _state;
        }
    }

    /// <summary>Makes those raw that are new, before anybody finds their links.</summary>
    private void MakeRaw(LinkState state, IReadOnlyDictionary<string, PortId?> held)
    {
        Dictionary<(PortId Port, FileIdentity? Registration), bool> raw = [];
        IEnumerable<PortId> adapters = state.Ports.Select(port => port.Id).Where(id => id.IsUsb);
        if (TrustsLinks)
        {
            adapters = adapters.Where(id => state.Plan.Links.Values.Contains(id) && !held.Values.Contains(id));
        }

        foreach (PortId id in adapters)
        {
            // The next adapter gets the same number, and often is the same one again: only its registration is another.
            (PortId, FileIdentity?) key = (id, AdapterScan.RegistrationOf(id, terminalFolder!));
            bool isKnown = _raw.TryGetValue(key, out bool isRaw);
            string? reason = isRaw ? null : AdapterScan.MakeRaw(Path.Join(deviceFolder, id.Node));
            if (reason is not null && !isKnown)
            {
                log($"warning: {id} cannot be made raw: {reason}");
            }

            raw[key] = reason is null;
        }

        _raw = raw;
    }

    /// <summary>Lets the group open them, before anybody finds their links.</summary>
    private void Give(LinkPlan plan)
    {
        AccessGroup? group = groupFile is null ? null : AccessGroup.Read(groupFile);
        foreach (PortId id in group is null ? [] : plan.Links.Values.Distinct())
        {
            if (group!.Give(Path.Join(deviceFolder, id.Node)) is string reason)
            {
                log($"warning: {id} cannot be given to the group {AccessGroup.Name}: {reason}");
            }
        }
    }

    private void Warn(LinkState state)
    {
        HashSet<(PortId Port, string Reason)> current = [.. state.Plan.Skipped.Select(pair => (pair.Key, pair.Value))];
        foreach ((PortId id, string reason) in current.Except(_warned))
        {
            string name = state.Ports.First(port => port.Id == id).Shown ?? "";
            log($"warning: {id} \"{name}\" gets no link below {Path.Join(deviceFolder, LinkPlan.ChannelFolder)}: {reason}");
        }

        _warned = current;
    }
}
