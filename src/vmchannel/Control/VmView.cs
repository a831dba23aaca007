using VmChannel.Cli.Serve;
using VmChannel.Control;
using VmChannel.Device;
using VmChannel.Device.Ports;
using VmChannel.Device.Qmp;
using VmChannel.Device.VhostUser;
using VmChannel.Device.VirtioSerial;

namespace VmChannel.Cli.Control;

/// <summary>A VM as the contract has it, from what is published of it: the loop is not asked.</summary>
internal static class VmView
{
    public static VmInfo Of(VmHost vm) => Of(vm, vm.State);

    public static VmInspection Inspect(VmHost vm)
    {
        DeviceState device = vm.State;
        return new(Of(vm, device), Device(device), [.. vm.Ports.Select(PortView.Of)], device.FrontEnd is null ? null : FrontEnd(device.FrontEnd));
    }

    private static VmInfo Of(VmHost vm, DeviceState device)
    {
        PortState[] ports = [.. vm.Ports.Select(served => served.Port.State)];
        return new(
            vm.Name,
            Endpoint(vm.Plan),
            State(device, ports),
            ports.Length,
            ports.Count(port => port.IsGuestOpen),
            ports.Count(port => port.StalledSince is not null),
            device.MaxPorts,
            device.FrontEnd is FrontEndState front ? $"{front.Name ?? "process"} (pid {front.Pid})" : ports.FirstOrDefault(port => port.FrontEnd is not null)?.FrontEnd,
            vm.Plan.Endpoint is null ? "usbredir" : Words(device.Transport.ToString()))
        {
            UsbFolder = vm.Plan.Usb?.Folder is string folder ? Path.GetFullPath(folder) : null,
        };
    }

    /// <summary>Whoever asks may be in another folder than the server.</summary>
    private static string Endpoint(VmPlan plan) => plan.Endpoint switch
    {
        null when plan.Usb!.UsbIp is { } address => $"usbip:{address}",
        null => $"usbredir:{UsbPlace(plan.Usb!)}",
        VhostUserEndpoint.Listen { Address: { IsAbstract: false } address } => Path.GetFullPath(address.Name),
        VhostUserEndpoint.Connect { Address: { IsAbstract: false } address } => Path.GetFullPath(address.Name),
        QmpEndpoint(var address, _) => $"qmp:{(address.IsAbstract ? address.ToString() : Path.GetFullPath(address.Name))}",
        VmEndpoint other => other.ToString()!,
    };

    private static string UsbPlace(UsbPlan usb)
        => usb.Folder is not null ? Path.GetFullPath(usb.Folder)
            : usb.Single!.Unix is { } address ? Path.GetFullPath(address.Name)
            : usb.Single.ToString();

    private static VmState State(DeviceState device, PortState[] ports)
        => !device.IsOffered ? UsbState(ports) : device.IsBroken ? VmState.Broken
            : device.FrontEnd is null ? VmState.NotConnected
            : device.Transport != TransportKind.VhostUser ? device.IsSuspended ? VmState.Suspended : VmState.Running
            : !device.IsDriverReady && (device.IsMultiPort || !device.FrontEnd.HasRings) ? VmState.Connected
            : device.IsSuspended ? VmState.Suspended
            : VmState.Running;

    private static VmState UsbState(PortState[] ports)
        => Array.TrueForAll(ports, port => port.FrontEnd is null) ? VmState.NotConnected
            : Array.Exists(ports, port => port.IsReady) ? VmState.Running
            : VmState.Connected;

    private static DeviceInfo Device(DeviceState device) => new()
    {
        Room = device.Room,
        Features = device.Features is null ? null : device.FeatureNames,
        IsMultiPort = device.IsMultiPort,
        IsDriverReady = device.IsDriverReady,
        HasDriverFailed = device.HasDriverFailed,
        Fault = device.Fault is DeviceFault fault ? $"queue {fault.Queue}: {fault.Reason}" : null,
        ControlBacklog = device.Counters.ControlBacklog,
        Counters = new()
        {
            Kicks = device.Counters.Kicks,
            Calls = device.Counters.Calls,
            SuppressedCalls = device.Counters.SuppressedCalls,
            ControlMessages = device.Counters.ControlMessages,
            BadControlMessages = device.Counters.BadControlMessages,
            RefusedRequests = device.Counters.RefusedRequests,
            Resets = device.Counters.Resets,
            LostBytes = device.Counters.LostBytes,
            FrontEnds = device.Counters.FrontEnds,
        },
    };

    private static FrontEndInfo FrontEnd(FrontEndState front) => new()
    {
        Pid = front.Pid,
        Name = front.Name,
        Kind = front.Kind == FrontEndKind.Unknown ? null : Words(front.Kind.ToString()),
        ConnectedSince = front.ConnectedSince,
        ProtocolFeatures = front.ProtocolFeatures is null ? null : Flags(front.ProtocolFeatures.Value),
        Status = front.Status is null ? null : Flags(front.Status.Value),
        MemoryRegions = front.MemoryRegions,
        QueuesOffered = front.QueuesOffered,
        LastRefusal = front.LastRefusal,
        MemoryRefusal = front.MemoryRefusal,
        Queues = [.. front.Queues.Select(queue => new QueueInfo(queue.Index, queue.Size, queue.IsRunning, Notify(queue.Kick), Notify(queue.Call)))],
    };

    private static Notifier Notify(NotifierKind kind) => kind switch
    {
        NotifierKind.EventFd => Notifier.EventFd,
        NotifierKind.Socket => Notifier.Socket,
        NotifierKind.InBand => Notifier.InBand,
        _ => Notifier.None,
    };

    /// <summary>The names of the bits that are set, as programs have them.</summary>
    private static string[] Flags<T>(T value)
        where T : struct, Enum
        => Convert.ToUInt64(value, System.Globalization.CultureInfo.InvariantCulture) == 0
            ? []
            : [.. value.ToString().Split(", ").Select(Words)];

    private static string Words(string name) => System.Text.Json.JsonNamingPolicy.KebabCaseLower.ConvertName(name);
}
