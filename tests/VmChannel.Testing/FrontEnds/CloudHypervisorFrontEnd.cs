using VmChannel.Native;
using VmChannel.Wire.VhostUser;
using VmChannel.Wire.Virtio;

namespace VmChannel.Testing.FrontEnds;

/// <summary>cloud-hypervisor's <c>--generic-vhost-user</c>.</summary>
/// <remarks>
/// Once REPLY_ACK is agreed every message carries NEED_REPLY, those with a reply of their own included: one reply is due,
/// never two. It masks device features, so MULTIPORT never reaches the guest. SET_VRING_BASE says avail.idx. The channel
/// for the back-end's requests comes last.
/// </remarks>
public sealed class CloudHypervisorFrontEnd(FileDescriptor socket, GuestRam ram) : FrontEnd(socket, ram)
{
    private const ulong DeviceFeatures = (1UL << 24) - 1;

    public override ulong GuestFeatures => Offered & ~DeviceFeatures & ~(ulong)VirtioFeatures.ProtocolFeatures;

    protected override bool AsksAlways => Agreed.HasFlag(ProtocolFeatures.ReplyAck);

    public override void Realize()
    {
        _ = Tell(VhostUserRequest.SetOwner, [], []);
        Offered = Get(VhostUserRequest.GetFeatures);
        ProtocolFeatures agreed = (ProtocolFeatures)Get(VhostUserRequest.GetProtocolFeatures)
            & (ProtocolFeatures.MultiQueue | ProtocolFeatures.ReplyAck | ProtocolFeatures.BackendRequests | ProtocolFeatures.Config
                | ProtocolFeatures.ConfigureMemSlots);
        _ = Tell(VhostUserRequest.SetProtocolFeatures, (ulong)agreed);
        Agreed = agreed;
        QueueCount = (int)Get(VhostUserRequest.GetQueueNum);
    }

    public override void Activate(ulong features, IReadOnlyList<DriverQueue> queues, bool isResume = false)
    {
        _ = Tell(VhostUserRequest.SetFeatures, features | (1UL << 30));
        _ = TellMemory(Ram.Regions(2));
        foreach (DriverQueue queue in queues)
        {
            _ = Tell(VhostUserRequest.SetVringNum, (uint)queue.Index, (uint)queue.Ring.Size);
        }

        foreach (DriverQueue queue in queues)
        {
            _ = TellAddress(queue.Ring.Address(queue.Index));
            _ = Tell(VhostUserRequest.SetVringBase, (uint)queue.Index, queue.Ring.AvailableIndex);
            _ = Tell(VhostUserRequest.SetVringCall, queue.Index, queue.CallFd);
            _ = Tell(VhostUserRequest.SetVringKick, queue.Index, queue.KickFd);
        }

        foreach (DriverQueue queue in queues)
        {
            _ = Tell(VhostUserRequest.SetVringEnable, (uint)queue.Index, 1);
        }

        TellBackendRequests();
    }

    public override void Deactivate(IReadOnlyList<DriverQueue> queues)
    {
        foreach (DriverQueue queue in queues)
        {
            _ = Tell(VhostUserRequest.SetVringEnable, (uint)queue.Index, 0);
        }
    }

    protected override bool AsksFor(VhostUserRequest request) => AsksAlways;
}
