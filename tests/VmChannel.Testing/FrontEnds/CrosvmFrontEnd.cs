using VmChannel.Native;
using VmChannel.Wire.VhostUser;

namespace VmChannel.Testing.FrontEnds;

/// <summary>crosvm's <c>--vhost-user type=console</c>: never asks for an answer, reads the configuration with the flag WRITABLE.</summary>
public sealed class CrosvmFrontEnd(FileDescriptor socket, GuestRam ram) : FrontEnd(socket, ram)
{
    private ulong? _features;

    protected override uint ConfigFlags => 1;

    public override void Realize()
    {
        _ = Tell(VhostUserRequest.SetOwner, [], []);
        Negotiate(ProtocolFeatures.MultiQueue | ProtocolFeatures.ReplyAck | ProtocolFeatures.BackendRequests | ProtocolFeatures.Config);
        TellBackendRequests();
        QueueCount = (int)Get(VhostUserRequest.GetQueueNum);
    }

    public override void Activate(ulong features, IReadOnlyList<DriverQueue> queues, bool isResume = false)
    {
        if (features != _features)
        {
            _features = features;
            _ = Tell(VhostUserRequest.SetFeatures, features | (1UL << 30));
        }

        _ = TellMemory(Ram.Regions(1));
        foreach (DriverQueue queue in queues)
        {
            uint index = (uint)queue.Index;
            _ = Tell(VhostUserRequest.SetVringNum, index, (uint)queue.Ring.Size);
            _ = TellAddress(queue.Ring.Address(queue.Index));
            _ = Tell(VhostUserRequest.SetVringBase, index, queue.Ring.UsedIndex);
            _ = Tell(VhostUserRequest.SetVringCall, queue.Index, queue.CallFd);
            _ = Tell(VhostUserRequest.SetVringKick, queue.Index, queue.KickFd);
            _ = Tell(VhostUserRequest.SetVringEnable, index, 1);
        }
    }

    public override void Deactivate(IReadOnlyList<DriverQueue> queues)
    {
        foreach (DriverQueue queue in queues)
        {
            _ = Tell(VhostUserRequest.SetVringEnable, (uint)queue.Index, 0);
            _ = StopRing(queue.Index);
        }
    }

    protected override bool AsksFor(VhostUserRequest request) => false;
}
