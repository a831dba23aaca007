using System.Globalization;
using System.Net;
using System.Text;
using VmChannel.Device.Options;
using VmChannel.Device.Ports;
using VmChannel.Device.UsbIp;

namespace VmChannel.Cli.Args;

/// <summary>What a guest does to import adapters over USB/IP.</summary>
internal static class UsbIpArgs
{
    /// <summary>The commands for Linux, one for each adapter.</summary>
    /// <param name="endpoint">Where the server listens.</param>
    /// <param name="ports">All of the VM.</param>
    public static string For(UsbIpEndpoint endpoint, IEnumerable<PortPlan> ports)
    {
        // Of an address that is every address, or the machine's own to itself, nobody knows what a guest calls it.
        string address = endpoint.IsLoopback || endpoint.Address.Address.Equals(IPAddress.Any) || endpoint.Address.Address.Equals(IPAddress.IPv6Any)
            ? "ADDRESS"
            : endpoint.Address.Address.ToString();
        StringBuilder text = new("# Linux guest over USB/IP, as root (ADDRESS: this host as the guest sees it, 10.0.2.2 in QEMU's user network)\nmodprobe vhci-hcd\n");
        foreach (PortPlan port in ports.Where(port => port.Spec.Transport == PortTransport.UsbSerial))
        {
            _ = text.Append(
                CultureInfo.InvariantCulture,
                $"usbip --tcp-port {endpoint.Address.Port} attach --remote {address} --busid {UsbIpBusId.Of(port.Spec.Number)} # {port.Spec.Protocol}\n");
        }

        return text.ToString();
    }
}
