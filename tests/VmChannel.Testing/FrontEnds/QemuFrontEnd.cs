using VmChannel.Native;
using VmChannel.Wire.VhostUser;

namespace VmChannel.Testing.FrontEnds;

/// <summary>QEMU 11's vhost-user-test-device-pci.</summary>
/// <remarks>
/// It names the call descriptor of every queue it was given (<c>num_vqs</c>) before anything else, so also of queues the
/// device does not have; enables all of them, configured or not; and stops with ENABLE 0 for all, then GET_VRING_BASE.
/// </remarks>
/// <param name="socket">Connected to the back-end.</param>
/// <param name="ram">The guest's memory.</param>
/// <param name="queueCount">num_vqs.</param>
/// <param name="usesSlots">ADD_MEM_REG per region instead of one SET_MEM_TABLE.</param>
public sealed class QemuFrontEnd(FileDescriptor socket, GuestRam ram, int queueCount, bool usesSlots = true) : FrontEnd(socket, ram)
{
    private const uint DriverOk = 8;
    private readonly FileDescriptor _masked = EventFd.Create();
    private readonly Dictionary<int, uint> _positions = [];
    private bool _memoryTold;

    public override void Realize()
    {
        Offered = Get(VhostUserRequest.GetFeatures);
        ProtocolFeatures offered = (ProtocolFeatures)Get(VhostUserRequest.GetProtocolFeatures);
        ProtocolFeatures wanted = ProtocolFeatures.MultiQueue | ProtocolFeatures.ReplyAck | ProtocolFeatures.BackendRequests
            | ProtocolFeatures.Config | ProtocolFeatures.Status | (usesSlots ? ProtocolFeatures.ConfigureMemSlots : ProtocolFeatures.None);
        _ = Tell(VhostUserRequest.SetProtocolFeatures, (ulong)(offered & wanted));
        Agreed = offered & wanted;
        QueueCount = (int)Get(VhostUserRequest.GetQueueNum);
        if (usesSlots)
        {
            _ = Get(VhostUserRequest.GetMaxMemSlots);
        }

        TellBackendRequests();
        _ = Tell(VhostUserRequest.SetOwner, [], []);
        _ = Get(VhostUserRequest.GetFeatures);
        for (int i = 0; i < queueCount; i++)
        {
            _ = Tell(VhostUserRequest.SetVringCall, i, _masked);
            _ = Tell(VhostUserRequest.SetVringErr, i, _masked);
        }
    }

    public override void Activate(ulong features, IReadOnlyList<DriverQueue> queues, bool isResume = false)
    {
        if (!isResume)
        {
            _positions.Clear();
        }

        _ = Tell(VhostUserRequest.SetFeatures, features | (1UL << 30));
        _ = Get(VhostUserRequest.GetStatus);
        _ = Tell(VhostUserRequest.SetStatus, DriverOk);
        TellMemory();
        foreach (DriverQueue queue in queues)
        {
            uint index = (uint)queue.Index;
            _ = Tell(VhostUserRequest.SetVringNum, index, (uint)queue.Ring.Size);
            _ = Tell(VhostUserRequest.SetVringBase, index, _positions.GetValueOrDefault(queue.Index));
            _ = TellAddress(queue.Ring.Address(queue.Index, log: 0x1000));
            _ = Tell(VhostUserRequest.SetVringKick, queue.Index, queue.KickFd);
            _ = Tell(VhostUserRequest.SetVringCall, queue.Index, queue.CallFd);
        }

        for (int i = 0; i < queueCount; i++)
        {
            _ = Tell(VhostUserRequest.SetVringEnable, (uint)i, 1);
        }

        foreach (DriverQueue queue in queues)
        {
            _ = Tell(VhostUserRequest.SetVringCall, queue.Index, queue.CallFd);
        }
    }

    public override void Deactivate(IReadOnlyList<DriverQueue> queues)
    {
        for (int i = 0; i < queueCount; i++)
        {
            _ = Tell(VhostUserRequest.SetVringEnable, (uint)i, 0);
        }

        foreach (DriverQueue queue in queues)
        {
            _positions[queue.Index] = StopRing(queue.Index);
        }
    }

    protected override bool AsksFor(VhostUserRequest request)
        => Agreed.HasFlag(ProtocolFeatures.ReplyAck)
            && request is VhostUserRequest.SetMemTable or VhostUserRequest.AddMemReg or VhostUserRequest.RemMemReg
                or VhostUserRequest.SetVringEnable or VhostUserRequest.SetConfig or VhostUserRequest.SetBackendReqFd;

    protected override void Dispose(bool disposing)
    {
        _masked.Dispose();
        base.Dispose(disposing);
    }

    private void TellMemory()
    {
        MemoryRegion[] regions = Ram.Regions(2);
        if (!usesSlots)
        {
            _ = TellMemory(regions);
        }
        else if (!_memoryTold)
        {
            _memoryTold = true;
            foreach (MemoryRegion region in regions)
            {
                _ = TellRegion(VhostUserRequest.AddMemReg, region);
            }
        }
    }
}
