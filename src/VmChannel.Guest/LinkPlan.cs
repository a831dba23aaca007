using VmChannel.Wire;

namespace VmChannel.Guest;

/// <summary>Which links a guest should have, given its ports and the links it has. Pure: the same answer for a daemon and for udev's helper.</summary>
/// <remarks>
/// One rule decides every clash of names or numbers: a link stays with its port for as long as that port lives, and a free one goes to
/// the lowest device and port that asks. So nobody's link moves when something is plugged in, and no order of events matters.
/// Only a USB adapter stands back for a virtio-serial port at any time, as a spare that takes over when that is gone.
/// </remarks>
internal sealed class LinkPlan
{
    /// <summary>Folder of the links by protocol name, below the device folder.</summary>
    public const string ChannelFolder = "vmchannel";

    /// <summary>Folder of the links by whole name, which agents have in their code, below the device folder.</summary>
    public const string AgentFolder = "virtio-ports";

    private readonly IReadOnlyList<GuestPort> _ports;
    private readonly IReadOnlyDictionary<string, PortId?> _held;
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private readonly HashSet<string> _ancestors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, PortId> _links = new(StringComparer.Ordinal);
    private readonly Dictionary<PortId, string> _shortLinks = [];
    private readonly Dictionary<PortId, string> _skipped = [];

    private LinkPlan(IReadOnlyList<GuestPort> ports, IReadOnlyDictionary<string, PortId?> held)
    {
        _ports = ports;
        _held = held;
    }

    /// <summary>Every wanted link, as a path below the device folder, and the port it leads to.</summary>
    public IReadOnlyDictionary<string, PortId> Links => _links;

    /// <summary>Short name of each port that has a link by protocol name: <c>vmch4</c> or <c>vmch1p4</c>.</summary>
    public IReadOnlyDictionary<PortId, string> ShortLinks => _shortLinks;

    /// <summary>Ports with a name but without a link by protocol name, and why, as the rest of a sentence.</summary>
    public IReadOnlyDictionary<PortId, string> Skipped => _skipped;

    /// <summary>Makes the plan.</summary>
    /// <param name="ports">The ports there are, in the order of their ids.</param>
    /// <param name="held">What is at a path below the device folder now: the port it leads to, or null for something that is not ours.
    /// A folder is nothing.</param>
    public static LinkPlan Make(IReadOnlyList<GuestPort> ports, IReadOnlyDictionary<string, PortId?> held)
    {
        LinkPlan plan = new(ports, held);
        List<GuestPort> named = [];
        plan.ClaimNames(named);
        foreach (GuestPort port in plan.HoldersFirst(named.Where(port => !port.Id.IsUsb), port => [port.Id.ShortLink, port.Id.LongLink]))
        {
            plan.ClaimShortLink(port.Id);
        }

        foreach (GuestPort port in plan.HoldersFirst(ports.Where(port => !port.IsInternal && port.FileName is not null), AgentPaths))
        {
            string path = AgentPaths(port)[0];
            if (plan.IsFree(path, port.Id))
            {
                plan._links.Add(path, port.Id);
            }
        }

        return plan;
    }

    /// <summary>Path below the device folder of the link by protocol name.</summary>
    public static string ChannelPath(ProtocolName name) => $"{ChannelFolder}/{name.ToPath()}";

    private static string[] AgentPaths(GuestPort port) => [$"{AgentFolder}/{port.FileName}"];

    private void ClaimNames(List<GuestPort> named)
    {
        foreach (GuestPort port in _ports.Where(port => port.Fault is not null))
        {
            _skipped.Add(port.Id, $"its name {port.Fault}");
        }

        IEnumerable<GuestPort> candidates = _ports.Where(port => port.Protocol is not null && !port.IsInternal);
        foreach (GuestPort port in HoldersFirst(candidates, port => [ChannelPath(port.Protocol!.Value)]))
        {
            string? clash = Clash(port);
            if (clash is null)
            {
                ClaimName(port);
                named.Add(port);
            }
            else
            {
                _skipped.Add(port.Id, clash);
            }
        }
    }

    private void ClaimName(GuestPort port)
    {
        ProtocolName name = port.Protocol!.Value;
        _links.Add(ChannelPath(name), port.Id);
        _names.Add(name.Text);
        foreach (string ancestor in Ancestors(name))
        {
            _ancestors.Add(ancestor);
        }
    }

    private string? Clash(GuestPort port)
    {
        ProtocolName name = port.Protocol!.Value;
        string path = ChannelPath(name);
        return _names.Contains(name.Text) ? $"{_links[path]} has that name already{(port.Id.IsUsb && !_links[path].IsUsb ? "; it is the spare, and takes over when that is unplugged" : "")}"
            : _ancestors.Contains(name.Text) ? "other names begin with that name and a dot, and a link cannot also be their folder"
            : Ancestors(name).FirstOrDefault(_names.Contains) is string upper ? $"{upper} is a name already, and a link cannot also be a folder"
            : !IsFree(path, port.Id) ? "something else is at the place of its link"
            : null;
    }

    private void ClaimShortLink(PortId id)
    {
        // A port that is still on its way to its name counts: udev asks about ports one by one, several at the same time.
        bool otherFirst = _ports.Any(port => port.Id.Number == id.Number && port.Id.Device < id.Device);
        string[] wanted = Holds(id.ShortLink, id) || (!otherFirst && !Holds(id.LongLink, id)) ? [id.ShortLink, id.LongLink] : [id.LongLink];
        if (wanted.FirstOrDefault(path => IsFree(path, id)) is string link)
        {
            _links.Add(link, id);
            _shortLinks.Add(id, link);
        }
    }

    private IEnumerable<GuestPort> HoldersFirst(IEnumerable<GuestPort> ports, Func<GuestPort, string[]> paths) =>
        ports.OrderBy(port => port.Id.IsUsb).ThenBy(port => paths(port).Any(path => Holds(path, port.Id)) ? 0 : 1).ThenBy(port => port.Id);

    private bool Holds(string path, PortId id) => _held.TryGetValue(path, out PortId? holder) && holder == id;

    // A link to another port is no obstacle: that port has been asked before if it lives, and has no right to it if it did not take it.
    private bool IsFree(string path, PortId id) =>
        !_links.ContainsKey(path) && (!_held.TryGetValue(path, out PortId? holder) || holder is not null || Holds(path, id));

    private static IEnumerable<string> Ancestors(ProtocolName name)
    {
        for (int dot = name.Text.IndexOf('.', StringComparison.Ordinal); dot >= 0; dot = name.Text.IndexOf('.', dot + 1))
        {
            yield return name.Text[..dot];
        }
    }
}
