using VmChannel.Device.Ports;
using VmChannel.Device.VirtioSerial;

namespace VmChannel.Device.Diagnosis;

/// <summary>Finds out what keeps one port from moving bytes.</summary>
internal static class PortDiagnosis
{
    /// <summary>A program that closes when its client has left does so well within this.</summary>
    private static readonly TimeSpan NormalClose = TimeSpan.FromSeconds(5);

    public static IEnumerable<Finding> Find(DeviceState device, PortState port)
    {
        int number = port.Spec.Number;
        FrontEndKind kind = device.FrontEnd?.Kind ?? FrontEndKind.Unknown;
        bool isMultiPort = device is { FrontEnd: not null, IsMultiPort: true };
        if (port.Spec.Transport == PortTransport.UsbSerial)
        {
            foreach (Finding finding in OfAdapter(port))
            {
                yield return finding;
            }
        }
        else if (device.FrontEnd is not null && number >= device.Room)
        {
            yield return new(
                Severity.Error, "too-few-queues", number,
                $"{port.Spec} does not fit: the front-end has queues for ports 0 to {device.Room - 1}", FrontEndAdvice.MakeRoom(kind, number, device.Room));
        }
        else if (isMultiPort && device.IsDriverReady && !device.IsSuspended && !port.IsReady)
        {
            yield return new(
                Severity.Warning, "port-not-ready", number,
                $"{port.Spec}: the guest's driver has not set it up", "if this lasts, look for virtio_console in the guest's kernel log");
        }

        if (port.AwaitsCloseSince is { } waiting)
        {
            if (device.At - waiting >= NormalClose)
            {
                yield return new(
                    Severity.Warning, "guest-not-closing", number,
                    $"{port.Spec}: a client has waited for {(long)(device.At - waiting).TotalSeconds} s until the guest's program closes the port, which it has open for a client that left",
                    $"let the program that has {DeviceFile(port)} open close it when it reads the end of the stream, or end it; with on-guest-close=keep nobody waits for that");
            }
        }
        else if (port.IsGuestOpen && !port.IsHostOpen && port.Stall != StallReason.NoHostEnd)
        {
            yield return new(
                Severity.Warning, "no-host-end", number,
                $"{port.Spec}: a program in the guest has it open, and no host end is there{Why(port)}", ConnectHost(port));
        }

        if (port is { IsReady: true, IsGuestOpen: false, IsSuspended: false })
        {
            yield return new(
                Severity.Note, "port-not-open", number,
                $"{port.Spec}: no program in the guest has it open", $"open {DeviceFile(port)} in the guest");
        }

        if (port.Stall != StallReason.None)
        {
            yield return new(
                Severity.Warning, "port-stalled", number,
                $"{port.Spec}: {port.Stall.Describe()}, for {Math.Max(0, (long)(device.At - port.StalledSince!.Value).TotalSeconds)} s", Unstall(port));
        }
        else if (port.ThrottledSince is { } since)
        {
            yield return new(
                Severity.Note, "port-throttled", number,
                $"{port.Spec}: its host end has been slower than the guest for {Math.Max(0, (long)(device.At - since).TotalSeconds)} s", null);
        }
    }

    private static IEnumerable<Finding> OfAdapter(PortState port)
    {
        if (port.FrontEnd is null)
        {
            yield return port.IsExported
                ? new(
                    Severity.Warning, "adapter-not-fetched", port.Spec.Number,
                    $"{port.Spec}: no guest has imported this USB adapter", "run in the guest what `vmchannel args usbip` prints for it")
                : new(
                    Severity.Warning, "adapter-not-fetched", port.Spec.Number,
                    $"{port.Spec}: no front-end is connected to the socket of this USB adapter", "start QEMU with the arguments that `vmchannel args qemu` prints for it");
        }
        else if (!port.IsReady)
        {
            string driver = port.Spec.Adapter == UsbAdapterKind.Acm ? "cdc_acm" : "ftdi_sio";
            yield return new(
                Severity.Warning, "adapter-not-ready", port.Spec.Number,
                $"{port.Spec}: the guest has not set the USB adapter up",
                $"let the guest start; then look for usb and {driver} in its kernel log (modprobe {driver})");
        }
    }

    private static string Unstall(PortState port) => port.Stall switch
    {
        StallReason.NoHostEnd => ConnectHost(port),
        StallReason.HostEndFull => $"see why the program at {port.HostEnd} does not read",
        StallReason.GuestPostedNoBuffers => "the guest's driver hangs: look at the guest's kernel log",
        _ => $"see why the program that has {DeviceFile(port)} open in the guest does not read",
    };

    private static string ConnectHost(PortState port)
        => $"connect to {port.HostEnd}, or start what it connects to; with on-disconnect=discard the guest does not wait meanwhile";

    private static string Why(PortState port) => port.HostDetail is { } detail ? $" ({detail})" : "";

    private static string DeviceFile(PortState port) => port.Spec switch
    {
        { IsConsole: true } => "/dev/hvc0",
        { Protocol: { } name } => $"/dev/vmchannel/{name.Replace('.', '/')}",
        _ => $"port {port.Spec.Number}",
    };
}
