using VmChannel.Native;
using VmChannel.Wire;

namespace VmChannel.Guest;

/// <summary>Finds a port by its protocol name, with or without links.</summary>
internal static class PortSearch
{
    /// <summary>Finds the port; of several with that name the one that has the link, or would have it.</summary>
    /// <param name="name">Compared byte for byte.</param>
    /// <param name="timeout">How long to wait for it to be plugged in; <see cref="TimeSpan.Zero"/> looks once,
    /// <see cref="Timeout.InfiniteTimeSpan"/> waits for ever.</param>
    /// <returns>The port, or null when the time is over.</returns>
    /// <exception cref="IOException">Waiting is impossible.</exception>
    public static GuestPort? Find(ProtocolName name, TimeSpan timeout)
    {
        GuestPort? port = Look(name);
        if (port is not null || timeout == TimeSpan.Zero)
        {
            return port;
        }

        _ = UeventSocket.Open(out UeventSocket? socket).OrThrow("subscribe to kernel events");
        using (socket)
        {
            Deadline deadline = new(timeout);
            do
            {
                // Looked at again after subscribing: it may have come in between.
                port = Look(name);
            }
            while (port is null && PortEvents.Wait(socket!, deadline.Left));
            return port;
        }
    }

    private static GuestPort? Look(ProtocolName name)
    {
        IReadOnlyList<GuestPort> ports = PortScan.Read();
        List<GuestPort> found = [.. ports.Where(port => port.Protocol == name && !port.IsInternal)];
        return found.Count < 2 ? found.FirstOrDefault() : found.Find(port => Linked(ports, name) == port.Id) ?? found[0];
    }

    private static PortId? Linked(IReadOnlyList<GuestPort> ports, ProtocolName name) =>
        LinkPlan.Make(ports, new DeviceLinks("/dev").Read()).Links.TryGetValue(LinkPlan.ChannelPath(name), out PortId id) ? id : null;
}
