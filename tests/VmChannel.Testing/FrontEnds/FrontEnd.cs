using System.Buffers.Binary;
using VmChannel.Native;
using VmChannel.Wire.VhostUser;
using VmChannel.Wire.Virtio;
using VmChannel.Wire.VirtioConsole;

namespace VmChannel.Testing.FrontEnds;

/// <summary>A VMM as the back-end sees it: each subclass says what one of them says, in its order and with its quirks.</summary>
/// <param name="socket">Connected to the back-end.</param>
/// <param name="ram">The guest's memory.</param>
public abstract class FrontEnd(FileDescriptor socket, GuestRam ram) : IDisposable
{
    public FrontEndSocket Socket { get; } = new(socket);

    /// <summary>Our end of the channel for the back-end's requests.</summary>
    public FileDescriptor? BackendRequests { get; private set; }

    public GuestRam Ram => ram;

    /// <summary>Device and ring features the back-end offers.</summary>
    public ulong Offered { get; protected set; }

    public ProtocolFeatures Agreed { get; protected set; }

    /// <summary>Queues the back-end says it has.</summary>
    public int QueueCount { get; protected set; }

    /// <summary>Feature bits that reach the guest.</summary>
    public virtual ulong GuestFeatures => Offered & ~(ulong)VirtioFeatures.ProtocolFeatures;

    /// <summary>From connecting to the moment where the guest's driver may probe.</summary>
    public abstract void Realize();

    /// <summary>What the guest's driver reads as max_nr_ports.</summary>
    public virtual int ReadMaxPorts()
        => (int)BinaryPrimitives.ReadUInt32LittleEndian(ReadConfig(0, ConsoleConfig.Size).AsSpan(4));

    /// <summary>The driver is ready: features, memory, rings.</summary>
    /// <param name="features">What the driver took.</param>
    /// <param name="queues">The driver's queues; the device may have more.</param>
    /// <param name="isResume">The same driver goes on; otherwise a fresh one starts.</param>
    public abstract void Activate(ulong features, IReadOnlyList<DriverQueue> queues, bool isResume = false);

    /// <summary>The guest was paused or reset.</summary>
    public abstract void Deactivate(IReadOnlyList<DriverQueue> queues);

    /// <summary>Reads the configuration space through GET_CONFIG.</summary>
    public byte[] ReadConfig(int offset, int length)
    {
        byte[] payload = new byte[ConfigAccess.HeadBytes + length];
        new ConfigAccess((uint)offset, (uint)length, ConfigFlags).Write(payload);
        Socket.Send(VhostUserRequest.GetConfig, payload, [], AsksAlways);
        byte[] reply = Socket.Receive(VhostUserRequest.GetConfig);
        return reply.Length == payload.Length ? reply[ConfigAccess.HeadBytes..] : [];
    }

    public void WriteConfig(int offset, ReadOnlySpan<byte> bytes)
    {
        byte[] payload = new byte[ConfigAccess.HeadBytes + bytes.Length];
        new ConfigAccess((uint)offset, (uint)bytes.Length, 0).Write(payload);
        bytes.CopyTo(payload.AsSpan(ConfigAccess.HeadBytes));
        _ = Tell(VhostUserRequest.SetConfig, payload, []);
    }

    /// <summary>A request with a number in its reply.</summary>
    public ulong Get(VhostUserRequest request)
    {
        Socket.Send(request, [], [], AsksAlways);
        return Socket.ReceiveNumber(request);
    }

    /// <summary>A request without a reply of its own. Returns the back-end's verdict, 0 where it is not asked.</summary>
    public ulong Tell(VhostUserRequest request, ReadOnlySpan<byte> payload, ReadOnlySpan<FileDescriptor> descriptors)
    {
        bool asks = AsksFor(request);
        Socket.Send(request, payload, descriptors, asks);
        return asks ? Socket.ReceiveNumber(request) : 0;
    }

    public ulong Tell(VhostUserRequest request, ulong value)
    {
        Span<byte> payload = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(payload, value);
        return Tell(request, payload, []);
    }

    public ulong Tell(VhostUserRequest request, uint index, uint value)
    {
        Span<byte> payload = stackalloc byte[VringState.Size];
        new VringState(index, value).Write(payload);
        return Tell(request, payload, []);
    }

    /// <summary>SET_VRING_KICK, _CALL or _ERR. Null = without a descriptor.</summary>
    public ulong Tell(VhostUserRequest request, int index, FileDescriptor? descriptor)
    {
        Span<byte> payload = stackalloc byte[VringDescriptor.Size];
        new VringDescriptor((byte)index, descriptor is not null).Write(payload);
        return Tell(request, payload, descriptor is null ? [] : [descriptor]);
    }

    public ulong TellAddress(in VringAddress address)
    {
        Span<byte> payload = stackalloc byte[VringAddress.Size];
        address.Write(payload);
        return Tell(VhostUserRequest.SetVringAddr, payload, []);
    }

    /// <summary>GET_VRING_BASE: stops a ring and learns where.</summary>
    public uint StopRing(int index)
    {
        Span<byte> payload = stackalloc byte[VringState.Size];
        new VringState((uint)index, 0).Write(payload);
        Socket.Send(VhostUserRequest.GetVringBase, payload, [], AsksAlways);
        _ = VringState.TryRead(Socket.Receive(VhostUserRequest.GetVringBase), out VringState state);
        return state.Value;
    }

    /// <summary>SET_MEM_TABLE.</summary>
    /// <param name="regions">Regions.</param>
    /// <param name="slots">Regions the message has room for: some front-ends send more than they count.</param>
    public ulong TellMemory(ReadOnlySpan<MemoryRegion> regions, int slots = 0)
    {
        byte[] payload = new byte[MemoryTable.HeadBytes + (Math.Max(slots, regions.Length) * MemoryRegion.Size)];
        BinaryPrimitives.WriteUInt32LittleEndian(payload, (uint)regions.Length);
        FileDescriptor[] files = new FileDescriptor[regions.Length];
        for (int i = 0; i < regions.Length; i++)
        {
            regions[i].Write(payload.AsSpan(MemoryTable.HeadBytes + (i * MemoryRegion.Size)));
            files[i] = ram.File;
        }

        return Tell(VhostUserRequest.SetMemTable, payload, files);
    }

    /// <summary>ADD_MEM_REG or REM_MEM_REG.</summary>
    public ulong TellRegion(VhostUserRequest request, in MemoryRegion region)
    {
        byte[] payload = new byte[MemoryRegion.SinglePadding + MemoryRegion.Size];
        region.Write(payload.AsSpan(MemoryRegion.SinglePadding));
        return Tell(request, payload, request == VhostUserRequest.AddMemReg ? [ram.File] : []);
    }

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Whether this front-end asks for an answer to a request without a reply of its own.</summary>
    protected abstract bool AsksFor(VhostUserRequest request);

    /// <summary>Even requests with a reply of their own carry NEED_REPLY.</summary>
    protected virtual bool AsksAlways => false;

    /// <summary>Flags of GET_CONFIG.</summary>
    protected virtual uint ConfigFlags => 0;

    /// <summary>Features and protocol features, in the order most front-ends have.</summary>
    protected void Negotiate(ProtocolFeatures wanted)
    {
        Offered = Get(VhostUserRequest.GetFeatures);
        ProtocolFeatures offered = (ProtocolFeatures)Get(VhostUserRequest.GetProtocolFeatures);
        Agreed = offered & wanted;
        _ = Tell(VhostUserRequest.SetProtocolFeatures, (ulong)Agreed);
    }

    protected void TellBackendRequests()
    {
        (FileDescriptor ours, FileDescriptor theirs) = UnixSocket.Pair();
        BackendRequests?.Dispose();
        BackendRequests = ours;
        _ = ours.SetNonBlocking(true);
        _ = Tell(VhostUserRequest.SetBackendReqFd, [], [theirs]);
        theirs.Dispose();
    }

    protected virtual void Dispose(bool disposing)
    {
        Socket.Dispose();
        BackendRequests?.Dispose();
    }
}
