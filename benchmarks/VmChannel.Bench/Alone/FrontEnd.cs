using System.Buffers.Binary;
using VmChannel.Native;
using VmChannel.Wire.VhostUser;
using VmChannel.Wire.Virtio;

namespace VmChannel.Bench.Alone;

/// <summary>A front-end without a guest: says over the real socket what a VMM says, then leaves the rings to the driver double.</summary>
internal sealed class FrontEnd : IDisposable
{
    private const ulong Features = (ulong)(VirtioFeatures.Version1 | VirtioFeatures.EventIndex | VirtioFeatures.ProtocolFeatures)
        | (ulong)ConsoleFeatures.MultiPort;

    private readonly FileDescriptor _socket;
    private readonly DriverMemory _memory;

    /// <param name="socket">Connected to the device; owned from here on.</param>
    /// <param name="memory">The guest's.</param>
    public FrontEnd(FileDescriptor socket, DriverMemory memory)
    {
        _socket = socket;
        _memory = memory;
        _ = _socket.SetNonBlocking(false).OrThrow("fcntl");
        Say(VhostUserRequest.SetOwner, []);
        Say(VhostUserRequest.SetProtocolFeatures, Word((ulong)(ProtocolFeatures.MultiQueue | ProtocolFeatures.ReplyAck)));
        Say(VhostUserRequest.SetFeatures, Word(Features));
        ShareMemory();
    }

    public static FileDescriptor Connect(UnixAddress address)
    {
        _ = StreamSocket.Connect(address, out FileDescriptor? socket).OrThrow($"connect to {address}");
        return socket!;
    }

    /// <summary>Makes a ring and starts it.</summary>
    public DriverRing Start(int index, int size, bool hasCall)
    {
        DriverRing ring = new(_memory, size, hasCall);
        Span<byte> payload = stackalloc byte[VringAddress.Size];
        SayState(VhostUserRequest.SetVringNum, index, size);
        SayState(VhostUserRequest.SetVringBase, index, 0);
        new VringAddress(
            (uint)index, 0, DriverMemory.UserBase + ring.DescriptorsAt, DriverMemory.UserBase + ring.UsedAt,
            DriverMemory.UserBase + ring.AvailableAt, 0).Write(payload);
        Say(VhostUserRequest.SetVringAddr, payload);
        if (ring.Call is { } call)
        {
            SayDescriptor(VhostUserRequest.SetVringCall, index, call);
        }

        SayDescriptor(VhostUserRequest.SetVringKick, index, ring.Kick);
        SayState(VhostUserRequest.SetVringEnable, index, 1);
        return ring;
    }

    /// <summary>Waits until everything said so far has been done.</summary>
    public void Settle()
    {
        Say(VhostUserRequest.GetFeatures, []);
        Span<byte> reply = stackalloc byte[VhostUserHeader.Size + sizeof(ulong)];
        for (int got = 0; got < reply.Length;)
        {
            got += _socket.Read(reply[got..]).OrThrow("read the back-end's answer") is > 0 and int count
                ? count
                : throw new BenchException("the device refused its set-up");
        }
    }

    public void Dispose() => _socket.Dispose();

    private static byte[] Word(ulong value)
    {
        byte[] bytes = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        return bytes;
    }

    private void ShareMemory()
    {
        Span<byte> payload = stackalloc byte[MemoryTable.HeadBytes + MemoryRegion.Size];
        payload.Clear();
        payload[0] = 1;
        new MemoryRegion(0, _memory.Length, DriverMemory.UserBase, 0).Write(payload[MemoryTable.HeadBytes..]);
        Say(VhostUserRequest.SetMemTable, payload, _memory.File);
        _memory.File.Dispose();
    }

    private void SayState(VhostUserRequest request, int index, int value)
    {
        Span<byte> payload = stackalloc byte[VringState.Size];
        new VringState((uint)index, (uint)value).Write(payload);
        Say(request, payload);
    }

    private void SayDescriptor(VhostUserRequest request, int index, FileDescriptor descriptor)
    {
        Span<byte> payload = stackalloc byte[VringDescriptor.Size];
        new VringDescriptor((byte)index, HasDescriptor: true).Write(payload);
        Say(request, payload, descriptor);
    }

    private void Say(VhostUserRequest request, ReadOnlySpan<byte> payload, params ReadOnlySpan<FileDescriptor> descriptors)
    {
        byte[] message = new byte[VhostUserHeader.Size + payload.Length];
        VhostUserHeader.Ask((uint)request, payload.Length).Write(message);
        payload.CopyTo(message.AsSpan(VhostUserHeader.Size));
        _ = UnixSocket.Send(_socket, message, descriptors).OrThrow($"send {request}");
    }
}
