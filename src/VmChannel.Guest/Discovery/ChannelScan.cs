using VmChannel.Wire;

namespace VmChannel.Guest;

/// <summary>Reads the channels that exist, on every transport.</summary>
internal static class ChannelScan
{
    private const string DeviceFolder = "/dev";

    /// <summary>All channels in the order of their names; of several with one name the one first that has its link.</summary>
    public static List<ChannelInfo> Read()
    {
        List<ChannelInfo> channels = SocketFolder.Path is string folder ? SocketFolder.Read(folder) : [.. ReadPorts()];
        for (int i = 0; i < channels.Count; i++)
        {
            if (OpenChannels.Find(channels[i].DevicePath) is OpenChannel open)
            {
                channels[i] = channels[i] with { GuestOpen = true, HostOpen = open.IsHostOpen };
            }
        }

        return [.. channels.OrderBy(channel => channel.Name, StringComparer.Ordinal).ThenBy(channel => channel.Link is null)];
    }

    private static IEnumerable<ChannelInfo> ReadPorts()
    {
        IReadOnlyList<GuestPort> ports = [.. PortScan.Read(), .. AdapterScan.Read()];
        if (ports.Count == 0)
        {
            yield break;
        }

        IReadOnlyDictionary<string, PortId?> links = new DeviceLinks(DeviceFolder).Read();
        foreach (GuestPort port in ports.Where(port => port is { Protocol: not null, IsInternal: false }))
        {
            ProtocolName name = port.Protocol!.Value;
            string link = LinkPlan.ChannelPath(name);
            PortState state = port.Id.IsUsb ? new(null, null, null) : PortState.Read(port.Id);
            yield return new()
            {
                Name = name.Text,
                Transport = port.Id.IsUsb ? ChannelTransport.UsbSerial : ChannelTransport.VirtioSerial,
                DevicePath = port.Path,
                Link = links.TryGetValue(link, out PortId? target) && target == port.Id ? Path.Join(DeviceFolder, link) : null,
                PortNumber = port.Id.IsUsb ? null : port.Id.Number,
                GuestOpen = state.GuestOpen,
                HostOpen = state.HostOpen,
            };
        }
    }
}
