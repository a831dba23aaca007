using VmChannel.Cli.Serve;
using VmChannel.Device.Options;
using VmChannel.Device.Ports;

namespace VmChannel.Cli.Config;

/// <summary>What has to be done to the ports of a VM to make them those of a newer reading of its file.</summary>
/// <param name="Gone">To be unplugged, before anything else takes their places.</param>
/// <param name="Wanted">To be plugged, or changed where they are.</param>
/// <param name="Kept">Not touched.</param>
/// <param name="NewDevice">Keys whose change only a new device can follow: <c>vhost-user, max-ports</c>; null = none.</param>
internal sealed record VmDifference(
    IReadOnlyList<PortConfig> Gone, IReadOnlyList<PortConfig> Wanted, IReadOnlyList<PortConfig> Kept, string? NewDevice)
{
    /// <summary>Compares what is applied with what is asked for now.</summary>
    public static VmDifference Between(VmConfig before, VmConfig after)
    {
        Dictionary<string, PortConfig> wanted = after.Ports.ToDictionary(port => port.Identity);
        List<PortConfig> gone = [];
        List<PortConfig> kept = [];
        foreach (PortConfig port in before.Ports)
        {
            if (!wanted.TryGetValue(port.Identity, out PortConfig? next) || HasMoved(port, next))
            {
                gone.Add(port);
            }
            else
            {
                // A port that does not ask for a number keeps the one it has, whatever stands before it in the file now.
                PortConfig settled = next with { Plan = At(next.Plan, port.Plan.Spec.Number) };
                bool isSame = port.Plan.DifferenceTo(settled.Plan) == PortDifference.None;
                if (isSame)
                {
                    kept.Add(settled);
                    _ = wanted.Remove(port.Identity);
                }
                else
                {
                    wanted[port.Identity] = settled;
                }
            }
        }

        return new(gone, [.. after.Ports.Select(port => wanted.GetValueOrDefault(port.Identity)).OfType<PortConfig>()], kept, DeviceKeys(before.Plan, after.Plan));
    }

    /// <summary>The plan with another number.</summary>
    public static PortPlan At(PortPlan plan, int number)
    {
        PortSpec spec = plan.Spec with { Number = number };
        return plan with { Spec = spec };
    }

    private static bool HasMoved(PortConfig before, PortConfig after)
        => after.Request.Number is int number && number != before.Plan.Spec.Number;

    private static string? DeviceKeys(VmPlan before, VmPlan after)
    {
        List<string> keys = [];
        Note("vhost-user, connect, fd, qmp or leave-ports", before.Endpoint == after.Endpoint);
        Note("usbredir, usbredir-connect, usbredir-dir or usbip", before.Usb == after.Usb);
        Note("max-ports", before.Device.Settings.MaxPorts == after.Device.Settings.MaxPorts);
        Note("resize-order", before.Device.Settings.ResizeColumnsFirst == after.Device.Settings.ResizeColumnsFirst);
        Note("wake-nudge", before.Device.Settings.WakeNudges == after.Device.Settings.WakeNudges);
        Note("in-band-notifications", before.OffersInBand == after.OffersInBand);
        return keys.Count == 0 ? null : string.Join(", ", keys);

        void Note(string key, bool isSame)
        {
            if (!isSame)
            {
                keys.Add(key);
            }
        }
    }
}
