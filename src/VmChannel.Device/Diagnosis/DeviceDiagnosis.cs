using VmChannel.Device.Ports;
using VmChannel.Device.VirtioSerial;
using VmChannel.Wire.VirtioConsole;

namespace VmChannel.Device.Diagnosis;

/// <summary>Finds out what is wrong with a VM's channels from what is known of them. Touches nothing; any thread.</summary>
/// <remarks>docs/events.md lists the findings and what each is told by.</remarks>
public static class DeviceDiagnosis
{
    /// <summary>A guest that starts over this often in <see cref="ResetWindow"/> does not get anywhere.</summary>
    private const int ManyResets = 5;

    /// <summary>Larger rings serve no port better: QEMU's own limit.</summary>
    private const int LargestUsefulQueue = 1024;

    private static readonly TimeSpan ResetWindow = TimeSpan.FromMinutes(1);

    /// <summary>What a person should know, worst first; empty when all is well.</summary>
    public static IReadOnlyList<Finding> Find(DeviceState device, IReadOnlyList<PortState> ports)
    {
        IEnumerable<Finding> findings = !device.IsOffered || device.Transport == TransportKind.Sockets ? [] : device.Transport == TransportKind.Qmp ? MonitorDiagnosis.Find(device) : device.FrontEnd is { } frontEnd
            ? OfFrontEnd(device, frontEnd).Concat(OfDriver(device, frontEnd, ports))
            : OfAbsence(device);
        return [.. findings.Concat(ports.SelectMany(port => PortDiagnosis.Find(device, port))).OrderByDescending(finding => finding.Severity)];
    }

    private static IEnumerable<Finding> OfAbsence(DeviceState device)
    {
        yield return device.FrontEndLeft is { } left
            ? new(
                Severity.Warning, "front-end-left", null,
                $"the front-end left {Seconds(device.At - left)} ago, so the guest cannot use its ports", FrontEndAdvice.ComeBack)
            : new(
                Severity.Warning, "front-end-absent", null,
                "no front-end has connected yet", "start the VM with the arguments that `vmchannel args` prints for its VMM");
    }

    private static IEnumerable<Finding> OfFrontEnd(DeviceState device, FrontEndState frontEnd)
    {
        if (frontEnd.MemoryRegions == 0 && (frontEnd.HasRings || frontEnd.MemoryRefusal is not null))
        {
            // QEMU leaves regions that are not shared out; with CONFIGURE_MEM_SLOTS it says nothing at all then.
            string how = frontEnd.MemoryRefusal is { } refusal ? $" ({refusal})" : "";
            yield return new(
                Severity.Error, "memory-not-shared", null,
                $"the guest's driver has set up queues in memory that the front-end did not hand over{how}", FrontEndAdvice.ShareMemory(frontEnd.Kind));
        }
        else if (IsMemoryPrivate(device, frontEnd))
        {
            yield return new(
                Severity.Error, "memory-private", null,
                "the guest's driver says that there are messages, and the memory that was handed over has none: most likely a private copy",
                FrontEndAdvice.ShareMemory(frontEnd.Kind));
        }

        if (frontEnd.Queues.Count > 0 && frontEnd.Queues.Max(queue => queue.Size) is > LargestUsefulQueue and int size)
        {
            yield return new(
                Severity.Warning, "queue-size", null,
                $"queues have {size} entries: Linux fills each port's with {size / 256} MiB of buffers", FrontEndAdvice.ShrinkQueues(frontEnd.Kind));
        }

        if (frontEnd.Queues.FirstOrDefault(queue => queue is { IsRunning: true, Call: NotifierKind.None }) is { } mute)
        {
            yield return new(
                Severity.Error, "no-interrupt", null,
                $"the front-end gave no call descriptor for queue {mute.Index}, so the guest is not told of what arrives", "let the VMM hand over an eventfd for each queue");
        }
        else if (frontEnd.Queues.Any(queue => queue is { IsRunning: true, Kick: NotifierKind.InBand }))
        {
            yield return new(
                Severity.Note, "in-band", null,
                "notifications are messages on the front-end's socket: each is a round trip in which the guest waits", "use in-band notifications for simulated time only");
        }
        else if (frontEnd.Kind == FrontEndKind.Qemu && frontEnd.Queues.Any(queue => queue.IsRunning))
        {
            yield return new(
                Severity.Note, "intx", null,
                "QEMU's vhost-user-test-device-pci has one interrupt for all queues (INTx), and each one goes through QEMU", null);
        }

        if (frontEnd.LastRefusal is { } refused && frontEnd.MemoryRefusal is null)
        {
            yield return new(
                Severity.Warning, "request-refused", null,
                $"a request of the front-end was refused: {refused}", "if the VMM is unchanged, please report this with its name and version");
        }
    }

    private static IEnumerable<Finding> OfDriver(DeviceState device, FrontEndState frontEnd, IReadOnlyList<PortState> ports)
    {
        if (device.Fault is { } fault)
        {
            yield return new(
                Severity.Error, "device-broken", null,
                $"the guest broke queue {fault.Queue} ({fault.Reason}), and the device has stopped", "reload the driver in the guest, or reboot it");
        }

        if (device.HasDriverFailed)
        {
            yield return new(
                Severity.Error, "driver-failed", null,
                "the guest's driver could not set the device up", "look for virtio_console or \"Error -\" in the guest's kernel log");
        }

        if (device.Features is null)
        {
            yield return new(
                Severity.Warning, "driver-absent", null,
                $"no driver in the guest has taken the device since its front-end connected {Seconds(device.At - frontEnd.ConnectedSince)} ago",
                "let the guest start; then see that it has the module virtio_console (modprobe virtio_console), and the VMM the device id 3");
        }
        else if (!device.IsMultiPort)
        {
            bool matters = ports.Count > 1 || ports.Any(port => port.Spec.Protocol is not null);
            yield return new(
                matters ? Severity.Error : Severity.Note, "no-multiport", null,
                "the guest's driver has no MULTIPORT: it sees one console without a name", FrontEndAdvice.GetMultiPort(frontEnd.Kind));
        }

        int resets = device.RecentResets.Count(reset => device.At - reset < ResetWindow);
        if (resets >= ManyResets)
        {
            yield return new(
                Severity.Warning, "reset-loop", null,
                $"the guest's driver started over {resets} times in the last minute", "look at the guest's console: it seems to reboot, or to reload its driver, again and again");
        }

        if (device is { IsMultiPort: true, IsDriverReady: true, IsSuspended: false, Counters.ControlBacklog: > 0 and int waiting })
        {
            yield return new(
                Severity.Warning, "control-backlog", null,
                $"{waiting} control messages wait for buffers of the guest's driver, so it does not know the state of its ports",
                "if this lasts, the driver hangs: look at the guest's kernel log");
        }

        if (device is { IsSuspended: true, Features: not null })
        {
            yield return new(Severity.Note, "paused", null, "the device's queues do not run: the guest is paused, shut down or starting", null);
        }
    }

    /// <summary>QEMU hands over the file of a memfd without share=on, too, and the guest then writes to a copy of its own.</summary>
    private static bool IsMemoryPrivate(DeviceState device, FrontEndState frontEnd)
        => device is { IsMultiPort: true, IsDriverReady: false, HasDriverFailed: false, IsBroken: false, Counters.Kicks: > 0 }
            && frontEnd.Queues.Any(queue => queue is { Index: PortQueues.ControlTransmit, IsRunning: true });

    private static string Seconds(TimeSpan time) => $"{Math.Max(0, (long)time.TotalSeconds)} s";
}
