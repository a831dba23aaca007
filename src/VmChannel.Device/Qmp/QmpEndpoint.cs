using VmChannel.Native;

namespace VmChannel.Device.Qmp;

/// <summary>A QEMU with a virtio-serial of its own, met at its monitor.</summary>
/// <param name="Monitor">The unix socket on which QEMU serves QMP.</param>
/// <param name="LeavesPorts">At the end the ports stay plugged in, and what is on its way waits for the next server.</param>
public sealed record QmpEndpoint(UnixAddress Monitor, bool LeavesPorts) : VmEndpoint
{
    public override string ToString() => Monitor.ToString();
}
