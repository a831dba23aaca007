using System.Buffers.Binary;
using VmChannel.Native;
using VmChannel.Wire.VhostUser;

namespace VmChannel.Testing.FrontEnds;

/// <summary>User-mode Linux's virtio_uml.</summary>
/// <remarks>
/// Asks for an answer in the very SET_PROTOCOL_FEATURES that agrees on answers; calls through unix sockets, which it must
/// get 8 bytes at a time; reads the configuration up to the end of the field it wants; sends a memory table with room for
/// a second region; never says GET_VRING_BASE, and its reset is just ENABLE 0.
/// </remarks>
public sealed class UmlFrontEnd(FileDescriptor socket, GuestRam ram) : FrontEnd(socket, ram)
{
    private const int ConfigBytesOfMaxPorts = 8;

    public override void Realize()
    {
        _ = Tell(VhostUserRequest.SetOwner, [], []);
        Offered = Get(VhostUserRequest.GetFeatures);
        ProtocolFeatures offered = (ProtocolFeatures)Get(VhostUserRequest.GetProtocolFeatures);
        Agreed = offered & (ProtocolFeatures.MultiQueue | ProtocolFeatures.ReplyAck | ProtocolFeatures.BackendRequests
            | ProtocolFeatures.Config | ProtocolFeatures.InBandNotifications);
        if (Tell(VhostUserRequest.SetProtocolFeatures, (ulong)Agreed) != 0)
        {
            throw new IOException("the back-end refused the protocol features");
        }

        TellBackendRequests();
        QueueCount = (int)Get(VhostUserRequest.GetQueueNum);
    }

    public override int ReadMaxPorts()
        => (int)BinaryPrimitives.ReadUInt32LittleEndian(ReadConfig(0, ConfigBytesOfMaxPorts).AsSpan(4));

    public override void Activate(ulong features, IReadOnlyList<DriverQueue> queues, bool isResume = false)
    {
        _ = Tell(VhostUserRequest.SetFeatures, features | (1UL << 30));
        _ = TellMemory(Ram.Regions(1), slots: 2);
        foreach (DriverQueue queue in queues)
        {
            (FileDescriptor ours, FileDescriptor theirs) = UnixSocket.Pair();
            _ = ours.SetNonBlocking(true);
            queue.CallFd.Dispose();
            queue.CallFd = ours;
            uint index = (uint)queue.Index;
            _ = Tell(VhostUserRequest.SetVringCall, queue.Index, theirs);
            theirs.Dispose();
            _ = Tell(VhostUserRequest.SetVringNum, index, (uint)queue.Ring.Size);
            _ = Tell(VhostUserRequest.SetVringBase, index, 0);
            _ = TellAddress(queue.Ring.Address(queue.Index, log: ulong.MaxValue));
        }

        foreach (DriverQueue queue in queues)
        {
            _ = Tell(VhostUserRequest.SetVringKick, queue.Index, queue.KickFd);
            _ = Tell(VhostUserRequest.SetVringEnable, (uint)queue.Index, 1);
        }
    }

    public override void Deactivate(IReadOnlyList<DriverQueue> queues)
    {
        for (int i = queues.Count - 1; i >= 0; i--)
        {
            _ = Tell(VhostUserRequest.SetVringEnable, (uint)i, 0);
        }

        _ = Get(VhostUserRequest.GetFeatures);
    }

    // Everything but what has a reply of its own, from SET_PROTOCOL_FEATURES on.
    protected override bool AsksFor(VhostUserRequest request) => Agreed.HasFlag(ProtocolFeatures.ReplyAck);
}
