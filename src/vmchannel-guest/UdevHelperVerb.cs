using System.CommandLine;
using VmChannel.Guest;

namespace VmChannel.GuestTool;

/// <summary><c>udev-helper</c>: tells a udev rule the name and the links of one port. The rule's half is <c>60-vmchannel.rules</c>.</summary>
/// <remarks>
/// Prints the name and paths below <c>/dev</c> on one line, <c>org.qemu.clipboard vmch4 vmchannel/org/qemu/clipboard</c>, made of letters,
/// digits, <c>. _ - /</c> only. A port without links prints nothing and fails, so that the rule does not match.
/// </remarks>
internal static class UdevHelperVerb
{
    public static Command Create()
    {
        Argument<string> node = new("PORT") { Description = "Kernel name of the port, such as vport0p4, ttyUSB0 or ttyACM0" };
        Command command = new("udev-helper", "Print the name and the links of one port, for a udev rule.") { node };
        command.SetAction(parsed => Run(parsed.GetRequiredValue(node)));
        return command;
    }

    private static int Run(string node)
    {
        if (!PortId.TryParse(node, out PortId id))
        {
            Failure.Report($"'{node}' is no port; ports are called vport0p4, ttyUSB0 or ttyACM0");
            return Failure.Usage;
        }

        // Of one transport: which of them has a name that both have is decided by the priorities in the rule.
        IReadOnlyList<GuestPort> ports = id.IsUsb ? AdapterScan.Read() : PortScan.Read();
        LinkPlan plan = LinkPlan.Make(ports, new DeviceLinks("/dev").Read());
        if (plan.Skipped.TryGetValue(id, out string? reason))
        {
            string name = ports.First(port => port.Id == id).Shown ?? "";
            return Warn($"{id} \"{name}\" gets no link below /dev/{LinkPlan.ChannelFolder}: {reason}");
        }

        // The agents' folder is left to udev's own rule, which knows virtio-serial ports alone.
        List<string> links = [.. plan.Links
            .Where(link => link.Value == id && (id.IsUsb || !link.Key.StartsWith(LinkPlan.AgentFolder + "/", StringComparison.Ordinal)))
            .Select(link => link.Key)
            .Order(StringComparer.Ordinal)];
        if (links.Count == 0)
        {
            return Failure.Failed;
        }

        if (id.IsUsb && AdapterScan.MakeRaw($"/dev/{id.Node}") is string refusal)
        {
            return Warn($"{id} cannot be made raw: {refusal}");
        }

        // Only a port with a valid name has links.
        _ = StandardStream.Write($"{string.Join(' ', links.Prepend(ports.First(port => port.Id == id).Protocol!.Value.Text))}\n");
        return Failure.None;
    }

    // udev shows a helper's standard error only when debugging; the kernel's log reaches dmesg and the journal.
    private static int Warn(string message)
    {
        try
        {
            File.WriteAllText("/dev/kmsg", $"<4>vmchannel: {message}\n");
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            // Not root: somebody is trying the helper out.
        }

        return Failure.Report(message);
    }
}
