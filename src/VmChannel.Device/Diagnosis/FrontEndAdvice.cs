using VmChannel.Device.VirtioSerial;
using VmChannel.Wire.VirtioConsole;

namespace VmChannel.Device.Diagnosis;

/// <summary>What to change in the set-up of each front-end, in its own words.</summary>
internal static class FrontEndAdvice
{
    public const int QueueSize = 256;

    /// <summary>So that the server sees the guest's memory.</summary>
    public static string ShareMemory(FrontEndKind kind) => kind switch
    {
        FrontEndKind.Qemu => "give QEMU -object memory-backend-memfd,id=mem0,size=SIZE,share=on and -machine memory-backend=mem0, where SIZE is that of -m",
        FrontEndKind.CloudHypervisor => "give cloud-hypervisor --memory size=SIZE,shared=on",
        FrontEndKind.Uml => "use a UML kernel with virtio_uml that has its memory in a file, as it does by default (mem=SIZE)",
        _ => "let the VMM keep the guest's memory in a file or memfd that is mapped shared (in QEMU's words: share=on)",
    };

    /// <summary>So that a port fits.</summary>
    /// <param name="kind">The front-end.</param>
    /// <param name="port">The port's number.</param>
    /// <param name="room">Ports that fit now.</param>
    public static string MakeRoom(FrontEndKind kind, int port, int room) => kind switch
    {
        FrontEndKind.Qemu => $"give QEMU's device num_vqs={PortQueues.Count(port + 1)}, or plug the channel in below port {room}",
        FrontEndKind.Uml => $"UML carries {room} ports and no more: plug the channel in below port {room}",
        FrontEndKind.Libkrun => $"let the program pass 0 or {PortQueues.Count(port + 1)} queues to krun_add_vhost_user_device, or plug the channel in below port {room}",
        _ => $"let the VMM have {PortQueues.Count(port + 1)} queues for the device, or plug the channel in below port {room}",
    };

    /// <summary>So that the guest does not fill huge rings.</summary>
    public static string ShrinkQueues(FrontEndKind kind) => kind switch
    {
        FrontEndKind.Qemu => $"give QEMU's device vq_size={QueueSize}",
        FrontEndKind.Crosvm => $"give crosvm --vhost-user type=console,socket=PATH,max-queue-size={QueueSize}",
        _ => $"let the VMM make queues of {QueueSize} entries",
    };

    /// <summary>So that the guest gets ports with names.</summary>
    public static string GetMultiPort(FrontEndKind kind) => kind switch
    {
        FrontEndKind.CloudHypervisor => "cloud-hypervisor hides MULTIPORT from its guests, and no option changes that: use another VMM for named channels, or one -virtconsole alone",
        _ => "use a guest driver that knows MULTIPORT, such as Linux's virtio_console, and a VMM that passes the feature on",
    };

    /// <summary>After it left.</summary>
    public const string ComeBack = "start the VM again; a QEMU that still runs gets its device back with device_del, chardev-remove, chardev-add and device_add";
}
