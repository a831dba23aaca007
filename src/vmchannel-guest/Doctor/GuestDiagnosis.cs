using VmChannel.Guest;

namespace VmChannel.GuestTool.Doctor;

/// <summary>Says what is wrong in a guest, and what mends it. Pure.</summary>
internal sealed class GuestDiagnosis
{
    private const string RuleFile = "packaging/udev/60-vmchannel.rules";

    private readonly GuestState _guest;
    private readonly LinkPlan _plan;
    private readonly List<Finding> _findings = [];

    private GuestDiagnosis(GuestState guest)
    {
        _guest = guest;
        _plan = LinkPlan.Make(guest.Ports, guest.Links);
    }

    /// <summary>All findings, worst first.</summary>
    public static IReadOnlyList<Finding> Find(GuestState guest)
    {
        GuestDiagnosis diagnosis = new(guest);
        List<GuestPort> ports = [.. guest.Ports.Where(port => !port.IsInternal)];
        diagnosis.CheckDriver(ports.Count);
        foreach (GuestPort port in ports)
        {
            NodeState node = guest.Nodes[port.Id];
            if (node.State.IsConsole == true)
            {
                continue;
            }

            if (diagnosis.CheckName(port))
            {
                diagnosis.CheckLink(port);
                diagnosis.CheckAccess(port, node);
                diagnosis.CheckUse(port, node);
            }
        }

        return [.. diagnosis._findings.OrderByDescending(finding => finding.Severity)];
    }

    private void CheckDriver(int ports)
    {
        if (_guest.Devices > 0 && !_guest.HasDriver)
        {
            string devices = _guest.Devices == 1 ? "a virtio-serial device" : $"{_guest.Devices} virtio-serial devices";
            Add(Severity.Error, "driver-missing", $"this machine has {devices}, and its kernel has no driver for it",
                "modprobe virtio_console, as root; if there is no such module, install the kernel's package with all modules");
        }
        else if (ports == 0)
        {
            string device = _guest.Devices == 0 ? "no virtio-serial device" : "a virtio-serial device without ports";
            Add(Severity.Note, "no-channels", $"there are no channels: this machine has {device}, and no USB adapter that is a channel",
                _guest.Devices == 0
                    ? "on the host: vmchannel serve, and start the machine with what vmchannel args prints"
                    : "on the host: vmchannel plug protocol=org.example.echo,service=echo");
        }
    }

    /// <returns>True when the port has the name that it was given.</returns>
    private bool CheckName(GuestPort port)
    {
        if (port.Shown is null)
        {
            Add(Severity.Note, "port-unnamed", $"{port.Path} has no name: its host has given it none, or it is a console");
            return false;
        }

        if (!_plan.Skipped.TryGetValue(port.Id, out string? reason))
        {
            return port.Protocol is not null;
        }

        string what = $"{port.Shown} ({port.Path}) has no link: {reason}";
        if (port.Protocol is not { } name)
        {
            Add(Severity.Warning, "name-invalid", what, $"on the host: give {Spoken(port.Id)} a name of letters, digits, '.', '_' and '-', such as org.example.log");
        }
        else if (_guest.Links.TryGetValue(LinkPlan.ChannelPath(name), out PortId? holder) && holder is null)
        {
            Add(Severity.Warning, "name-taken", what, $"look at /dev/{LinkPlan.ChannelPath(name)}, which is no link to a port, and remove it");
        }
        else
        {
            // An adapter of a port's name is its spare.
            Add(port.Id.IsUsb ? Severity.Note : Severity.Warning, "name-taken", what, $"on the host: give {Spoken(port.Id)} another name, or unplug one of the two");
        }

        return false;
    }

    private void CheckLink(GuestPort port)
    {
        string link = LinkPlan.ChannelPath(port.Protocol!.Value);
        if (!_guest.Links.TryGetValue(link, out PortId? target) || target != port.Id)
        {
            string maker = _guest.Udev.IsRunning ? "udev has not made it" : "no udev runs, and no vmchannel-guest watch has made it";
            Add(Severity.Warning, "link-missing", $"{port.Shown} ({port.Path}) has no link /dev/{link}: {maker}", LinkFix(port.Id));
        }
    }

    private void CheckAccess(GuestPort port, NodeState node)
    {
        if (!node.IsDenied)
        {
            return;
        }

        string user = _guest.User.Name;
        AccessGroup? group = _guest.Group;
        (string why, string fix) = group is null
                ? ($"there is no group {AccessGroup.Name}", $"groupadd --system {AccessGroup.Name} && adduser {user} {AccessGroup.Name}, as root; then {LinkFix(port.Id)}")
            : node.Group != group.Id
                ? ($"it is not of the group {AccessGroup.Name}", LinkFix(port.Id))
            : _guest.User.Groups.Contains(group.Id)
                ? ($"it is of the group {AccessGroup.Name}, which may not open it either", $"chmod 660 {port.Path}, as root")
            : group.Members.Contains(user)
                ? ($"{user} is in the group {AccessGroup.Name}, but not yet in this session", "log out and in again")
                : ($"{user} is not in the group {AccessGroup.Name}", $"adduser {user} {AccessGroup.Name}, as root; then log out and in again");
        Add(Severity.Warning, "no-access", $"{user} may not open {port.Shown} ({port.Path}): {why}", fix);
    }

    private void CheckUse(GuestPort port, NodeState node)
    {
        bool isOpen = node.Holders.Count > 0 || node.State.GuestOpen == true;
        if (!isOpen)
        {
            return;
        }

        string who = node.Holders.Count == 0 ? "another program" : string.Join(", ", node.Holders.Select(holder => $"{Printable(holder.Program)} (pid {holder.Pid})"));
        Add(Severity.Note, "port-busy", $"{port.Shown} ({port.Path}) is open in {who}; a channel takes one program at a time");
        if (node.State.HostOpen == false)
        {
            Add(Severity.Note, "host-absent", $"{port.Shown} ({port.Path}) is open, and nobody is at its host's end", $"on the host: vmchannel attach {port.Shown}");
        }
    }

    private string LinkFix(PortId port)
    {
        string trigger = $"udevadm trigger --subsystem-match={(port.IsUsb ? "tty" : "virtio-ports")}";
        UdevState udev = _guest.Udev;
        return !udev.IsRunning ? "vmchannel-guest watch, as root, from this machine's init"
            : !udev.HasRule ? $"install the package vmchannel-guest; or, as root: install -m 644 {RuleFile} /usr/lib/udev/rules.d/ && udevadm control --reload && {trigger}"
            : !udev.HasTool ? $"install -m 755 vmchannel-guest /usr/bin/ && {trigger}, as root: the rule calls it there"
            : $"{trigger}, as root; dmesg says why if that does not help";
    }

    private static string Spoken(PortId id) => id.IsUsb ? $"the adapter of {id.Node}" : $"port {id.Number}";

    // A program chooses its own name.
    private static string Printable(string text) => string.Concat(text.Select(c => c is > ' ' and <= '~' ? c : '?'));

    private void Add(Severity severity, string code, string what, string? fix = null) => _findings.Add(new(severity, code, what, fix));
}
