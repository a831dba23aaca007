using VmChannel.Native;
using VmChannel.Wire.VhostUser;

namespace VmChannel.Testing.FrontEnds;

/// <summary>libkrun: only CONFIG and MQ, a late SET_OWNER, one call descriptor for all queues, and ENABLE 0 for a reset.</summary>
public sealed class LibkrunFrontEnd(FileDescriptor socket, GuestRam ram) : FrontEnd(socket, ram)
{
    /// <summary>What every queue calls through.</summary>
    public FileDescriptor SharedCall { get; } = EventFd.Create();

    public override void Realize()
    {
        Negotiate(ProtocolFeatures.MultiQueue | ProtocolFeatures.Config);
        QueueCount = (int)Get(VhostUserRequest.GetQueueNum);
    }

    public override void Activate(ulong features, IReadOnlyList<DriverQueue> queues, bool isResume = false)
    {
        _ = Tell(VhostUserRequest.SetOwner, [], []);
        _ = TellMemory(Ram.Regions(1));
        _ = Tell(VhostUserRequest.SetFeatures, features | (1UL << 30));
        foreach (DriverQueue queue in queues)
        {
            uint index = (uint)queue.Index;
            _ = Tell(VhostUserRequest.SetVringNum, index, (uint)queue.Ring.Size);
            _ = Tell(VhostUserRequest.SetVringBase, index, 0);
            _ = TellAddress(queue.Ring.Address(queue.Index));
            _ = Tell(VhostUserRequest.SetVringKick, queue.Index, queue.KickFd);
            _ = Tell(VhostUserRequest.SetVringCall, queue.Index, SharedCall);
            _ = Tell(VhostUserRequest.SetVringEnable, index, 1);
        }
    }

    public override void Deactivate(IReadOnlyList<DriverQueue> queues)
    {
        foreach (DriverQueue queue in queues)
        {
            _ = Tell(VhostUserRequest.SetVringEnable, (uint)queue.Index, 0);
        }
    }

    protected override bool AsksFor(VhostUserRequest request) => false;

    protected override void Dispose(bool disposing)
    {
        SharedCall.Dispose();
        base.Dispose(disposing);
    }
}
