using System.Globalization;
using System.Text;
using VmChannel.Cli.Run;
using VmChannel.Cli.Serve;

namespace VmChannel.Cli.Args;

/// <summary>What a VMM has to be told to use a device, ready to paste.</summary>
internal static class FrontEndArgs
{
    private const int RingSize = 256;

    /// <summary>The arguments alone, one line or a few that continue each other.</summary>
    /// <param name="frontEnd">For whom.</param>
    /// <param name="socket">Path of the socket the VMM connects to.</param>
    /// <param name="maxPorts">Ports the device has room for.</param>
    /// <param name="memory">Memory of a QEMU guest.</param>
    public static string For(FrontEnd frontEnd, string socket, int maxPorts, string memory = "1G")
    {
        string queues = (2 * (maxPorts + 1)).ToString(CultureInfo.InvariantCulture);
        return frontEnd switch
        {
            FrontEnd.Qemu => Lines(
                $"-m {memory} -object memory-backend-memfd,id=vmchannel-mem,size={memory},share=on \\",
                "-machine q35,memory-backend=vmchannel-mem \\",
                $"-chardev {Shell($"socket,id=vmchannel,path={Comma(socket)}")} \\",
                $"-device vhost-user-test-device-pci,chardev=vmchannel,virtio-id=3,num_vqs={queues},config_size=12,vq_size={RingSize}"),
            FrontEnd.Uml => Lines(Shell($"virtio_uml.device={socket}:3")),
            FrontEnd.Crosvm => Lines($"--vhost-user {Shell($"type=console,socket={socket},max-queue-size={RingSize}")}"),
            _ => Lines($"krun_add_vhost_user_device(ctx_id, 3, \"{socket.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\", \"vmchannel\", {queues}, NULL);"),
        };
    }

    /// <summary>What QEMU needs so that ports can be plugged into a virtio-serial of its own.</summary>
    /// <param name="monitor">Where it serves its monitor.</param>
    /// <param name="maxPorts">Ports there is to be room for.</param>
    public static string ForMonitor(string monitor, int maxPorts)
        => Lines(
            $"-qmp {Shell($"unix:{Comma(monitor)},server=on,wait=off")} \\",
            $"-device virtio-serial-pci,id=virtio-serial0,max_ports={maxPorts}");

    /// <summary>Why this VMM cannot carry such a device; null when it can.</summary>
    public static string? FindObstacle(FrontEnd frontEnd, string socket, int maxPorts) => frontEnd switch
    {
        FrontEnd.Uml when maxPorts > UmlCommand.MaxPorts => $"UML carries at most {UmlCommand.MaxPorts} ports: use --max-ports {UmlCommand.MaxPorts}",
        FrontEnd.Uml when socket.AsSpan().ContainsAny(": \t\"") => "UML's command line takes no socket path with a colon, quote or space",
        FrontEnd.Crosvm when socket.Contains(',', StringComparison.Ordinal) => "crosvm takes no socket path with a comma",
        _ => null,
    };

    /// <summary>All of them, each under a heading.</summary>
    public static string ForAll(string socket, int maxPorts)
    {
        StringBuilder text = new();
        foreach (FrontEnd frontEnd in Enum.GetValues<FrontEnd>())
        {
            text.Append(CultureInfo.InvariantCulture, $"# {Heading(frontEnd)}\n");
            text.Append(FindObstacle(frontEnd, socket, maxPorts) is string obstacle ? $"# {obstacle}\n" : For(frontEnd, socket, maxPorts));
        }

        return text.ToString();
    }

    /// <summary>What QEMU has to be told to fetch USB adapters.</summary>
    /// <param name="plan">Where it fetches them.</param>
    /// <param name="protocols">Names of the adapters.</param>
    public static string ForUsb(UsbPlan plan, IReadOnlyList<string> protocols)
        => string.Join(
            " \\\n",
            UsbController.Arguments("vmchannel", [.. protocols.Select(protocol => UsbSocket(plan, protocol))]).Select(pair => $"{pair.Option} {Shell(pair.Value)}")) + "\n";

    private static string UsbSocket(UsbPlan plan, string protocol)
    {
        string server = plan.Single?.Connects == true ? ",server=on,wait=off" : "";
        return plan.Single is { Tcp: { } tcp }
            ? string.Create(CultureInfo.InvariantCulture, $"host={tcp.Address},port={tcp.Port}{server}")
            : $"path={Comma(Path.GetFullPath(plan.Single?.Unix!.Name ?? plan.PathOf(protocol)))}{server}";
    }

    private static string Heading(FrontEnd frontEnd) => frontEnd switch
    {
        FrontEnd.Qemu => "QEMU 10.2 or newer (memory has to be shared; change 1G in both places)",
        FrontEnd.Uml => "User-mode Linux: on its command line",
        FrontEnd.Crosvm => "crosvm run",
        _ => "libkrun",
    };

    private static string Lines(params ReadOnlySpan<string> lines) => string.Join('\n', lines) + "\n";

    /// <summary>QEMU ends a value at a comma.</summary>
    private static string Comma(string text) => text.Replace(",", ",,", StringComparison.Ordinal);

    private static string Shell(string word)
        => word.All(c => char.IsAsciiLetterOrDigit(c) || "-_.,/=:@%+".Contains(c, StringComparison.Ordinal))
            ? word
            : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
