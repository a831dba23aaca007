using VmChannel.Device;
using VmChannel.Device.Chardevs;
using VmChannel.Device.Qmp;
using VmChannel.Device.UsbIp;
using VmChannel.Device.UsbRedir;
using VmChannel.Device.VhostUser;
using VmChannel.Native;

namespace VmChannel.Cli.Config;

/// <summary>What only one may have: sockets that are listened on, log files, links, this process's terminal.</summary>
/// <param name="errors">Gets who wants what another has.</param>
internal sealed class ConfigClaims(ConfigErrors errors)
{
    private readonly Dictionary<string, (int Line, string Owner)> _owners = [];

    public void Socket(string path, int line, string owner) => Claim($"the socket {FullPath(path)}", line, owner);

    public void Endpoint(VmEndpoint endpoint, int line, string owner)
    {
        switch (endpoint)
        {
            case VhostUserEndpoint.Listen(UnixAddress address):
                Socket(address.Name, line, owner);
                break;
            case VhostUserEndpoint.Connect(UnixAddress address):
                Claim($"the VMM at {FullPath(address.Name)}", line, owner);
                break;
            case QmpEndpoint(UnixAddress monitor, _):
                Claim($"the VMM at {FullPath(monitor.Name)}", line, owner);
                break;
            default:
                Claim(endpoint.ToString()!, line, owner);
                break;
        }
    }

    public void Usb(UsbRedirEndpoint place, int line, string owner)
        => Claim(place is { Connects: false, Unix: { } address } ? $"the socket {FullPath(address.Name)}" : $"the VMM at {place}", line, owner);

    public void UsbIp(UsbIpEndpoint endpoint, int line, string owner)
    {
        if (endpoint.Address.Port != 0)
        {
            Claim($"usbip:{endpoint}", line, owner);
        }
    }

    public void File(string path, int line, string owner) => Claim($"the file {FullPath(path)}", line, owner);

    public void Chardev(ChardevSpec chardev, int line, string owner)
    {
        switch (chardev)
        {
            case ChardevSpec.Unix { IsServer: true, Address: { IsAbstract: false } address }:
                Socket(address.Name, line, owner);
                break;
            case ChardevSpec.Tcp { IsServer: true, Address: { Port: not 0 } address }:
                Claim($"tcp:{address}", line, owner);
                break;
            case ChardevSpec.Unix { IsServer: true } or ChardevSpec.Stdio or ChardevSpec.Fd:
                Claim(chardev.ToString()!, line, owner);
                break;
            case ChardevSpec.Pty { Link: string link }:
                Claim($"the link {FullPath(link)}", line, owner);
                break;
        }
    }

    private void Claim(string thing, int line, string owner)
    {
        if (!_owners.TryAdd(thing, (line, owner)))
        {
            (int firstLine, string first) = _owners[thing];
            errors.Add(line, $"{owner} has {thing}, which {first} in line {firstLine} has already: give each its own");
        }
    }

    private static string FullPath(string path) => path.Length == 0 || path.Contains('\0', StringComparison.Ordinal) ? path : Path.GetFullPath(path);
}
