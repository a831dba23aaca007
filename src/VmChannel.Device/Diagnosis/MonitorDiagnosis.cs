using VmChannel.Device.VirtioSerial;

namespace VmChannel.Device.Diagnosis;

/// <summary>Finds out what is wrong with ports that a stock QEMU carries.</summary>
internal static class MonitorDiagnosis
{
    public static IEnumerable<Finding> Find(DeviceState device)
    {
        if (device.FrontEnd is null)
        {
            yield return new(
                Severity.Warning, "monitor-absent", null,
                device.FrontEndLeft is { } left
                    ? $"QEMU left {Math.Max(0, (long)(device.At - left).TotalSeconds)} s ago, so the guest cannot use its ports"
                    : "QEMU's monitor does not answer",
                "start QEMU with the arguments that `vmchannel args qemu --qmp PATH` prints; its monitor serves one client at a time, so no other may have it");
        }
        else if (device.IsSuspended)
        {
            yield return new(Severity.Note, "paused", null, "QEMU has paused the guest", null);
        }

        foreach ((int port, string obstacle) in device.Obstacles)
        {
            yield return new(
                Severity.Error, "port-refused", port, $"port {port} is not in the guest: {obstacle}",
                "mend that: QEMU is asked again every 5 s; a port that was unplugged in QEMU comes back when it is unplugged here and plugged in again");
        }
    }
}
