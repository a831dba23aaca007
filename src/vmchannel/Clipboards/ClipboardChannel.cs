using VmChannel.Cli.Client;
using VmChannel.Control;

namespace VmChannel.Cli.Clipboards;

/// <summary>The port of a VM that is its clipboard.</summary>
/// <param name="Client">Talks to its server.</param>
/// <param name="Vm">The VM.</param>
/// <param name="Port">Its number or name.</param>
internal sealed record ClipboardChannel(ControlClient Client, string Vm, string Port)
{
    private const string HostEnd = "service clipboard";

    /// <summary>The port that was named; the only one, when none was.</summary>
    /// <exception cref="ControlException">There is none, or there are several.</exception>
    public static async Task<ClipboardChannel> FindAsync(VmTarget target, string? port, CancellationToken cancellationToken)
    {
        if (port is not null)
        {
            return new(target.Client, target.Vm, port);
        }

        IReadOnlyList<PortInfo> ports = await target.Client.GetPortsAsync(target.Vm, cancellationToken);
        PortInfo[] found = [.. ports.Where(known => known.HostEnd == HostEnd)];
        found = found.Length > 1 && found.Count(known => known.IsGuestOpen) == 1 ? [.. found.Where(known => known.IsGuestOpen)] : found;
        return found switch
        {
            [PortInfo only] => new(target.Client, target.Vm, PortText.Number(only)),
            [] => throw new ControlException(
                $"{target.Vm} has no clipboard: plug one in with vmchannel plug {target.Vm} protocol=com.redhat.spice.0"),
            _ => throw new ControlException(
                $"{target.Vm} has several clipboards: name one of {string.Join(", ", found.Select(known => known.Protocol ?? PortText.Number(known)))}"),
        };
    }
}
