using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace VmChannel.Testing;

/// <summary>The side of usbredir that has the virtual machine, as far as a test needs it. It shares no code with the side under test.</summary>
public sealed class UsbPeer : IDisposable
{
    /// <summary>What QEMU can do: versions, filters, packet sizes, long ids and lengths, bulk receiving, streams.</summary>
    public const uint QemuCapabilities = 0b1111_0111;

    private readonly Socket _socket;
    private readonly bool _isWide;

    private UsbPeer(Socket socket, bool isWide)
    {
        _socket = socket;
        _isWide = isWide;
    }

    /// <summary>A packet that came.</summary>
    public readonly record struct Packet(uint Type, ulong Id, byte[] Payload);

    /// <summary>Connects to an abstract socket, and says hello.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="capabilities">What this side says it can do.</param>
    public static UsbPeer Connect(string name, uint capabilities = QemuCapabilities)
    {
        UsbPeer peer = ConnectSilently(name, isWide: (capabilities & 0x20) != 0);
        Assert(peer.ReceiveHello() != 0, "it says hello first");
        peer.SendRaw([0, 0, 0, 0, 68, 0, 0, 0, 0, 0, 0, 0, .. Encoding.ASCII.GetBytes("test".PadRight(64, '\0')), .. Word(capabilities)]);
        return peer;
    }

    /// <summary>Connects and says nothing.</summary>
    public static UsbPeer ConnectSilently(string name, bool isWide = true)
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = 30_000 };
        socket.Connect(new UnixDomainSocketEndPoint("\0" + name));
        return new(socket, isWide);
    }

    /// <summary>Takes the device as QEMU does: endpoints, interfaces, device. Returns the three payloads.</summary>
    public byte[][] TakeDevice() => [Expect(5), Expect(4), Expect(1)];

    /// <summary>The other side's hello, which always has the short header. Returns its capabilities.</summary>
    public uint ReceiveHello()
    {
        byte[] hello = ReadExactly(12 + 68);
        Assert(hello.AsSpan(0, 12).SequenceEqual((byte[])[0, 0, 0, 0, 68, 0, 0, 0, 0, 0, 0, 0]), "a hello of 68 bytes with id 0");
        return BinaryPrimitives.ReadUInt32LittleEndian(hello.AsSpan(76));
    }

    public void Send(uint type, ulong id, params ReadOnlySpan<byte> payload)
        => SendRaw([.. Word(type), .. Word((uint)payload.Length), .. _isWide ? Long(id) : Word((uint)(id & uint.MaxValue)), .. payload]);

    public void SendRaw(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            bytes = bytes[_socket.Send(bytes)..];
        }
    }

    /// <summary>Sends until the other side takes no more for a while. Returns the bytes it took.</summary>
    public long Flood(ReadOnlySpan<byte> bytes)
    {
        _socket.SendTimeout = 500;
        long sent = 0;
        try
        {
            while (true)
            {
                sent += _socket.Send(bytes);
            }
        }
        catch (SocketException)
        {
            return sent;
        }
    }

    /// <summary>A control request; data for the device, if any.</summary>
    public void Control(ulong id, byte requestType, byte request, ushort value, ushort index, ushort length, params ReadOnlySpan<byte> data)
        => Send(100, id, [(byte)(requestType & 0x80), request, requestType, 0, .. Half(value), .. Half(index), .. Half(length), .. data]);

    /// <summary>Sends a control request and returns status and data of its outcome.</summary>
    public (byte Status, byte[] Data) Ask(byte requestType, byte request, ushort value, ushort index = 0, ushort length = 0)
    {
        Control(77, requestType, request, value, index, length);
        Packet answer = Receive();
        Assert(answer is { Type: 100, Id: 77 }, $"the outcome of the request, not {answer}");
        return (answer.Payload[3], answer.Payload[10..]);
    }

    /// <summary>DTR and RTS, as a driver sets them at an open and at a close.</summary>
    public void SetDtr(bool isHigh) => Assert(Ask(0x40, 1, isHigh ? (ushort)0x0303 : (ushort)0x0300).Status == 0, "DTR can be set");

    /// <summary>Wants bytes.</summary>
    public void SubmitIn(ulong id, uint length) => Send(101, id, Bulk(0x81, 0, length));

    /// <summary>Has bytes.</summary>
    public void SubmitOut(ulong id, ReadOnlySpan<byte> data) => Send(101, id, [.. Bulk(0x02, 0, (uint)data.Length), .. data]);

    /// <summary>The next packet.</summary>
    public Packet Receive()
    {
        int headerBytes = _isWide ? 16 : 12;
        byte[] header = ReadExactly(headerBytes);
        int length = BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(4));
        ulong id = _isWide ? BinaryPrimitives.ReadUInt64LittleEndian(header.AsSpan(8)) : BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(8));
        return new(BinaryPrimitives.ReadUInt32LittleEndian(header), id, ReadExactly(length));
    }

    /// <summary>The next packet, which is of this type. Returns its payload.</summary>
    public byte[] Expect(uint type)
    {
        Packet packet = Receive();
        Assert(packet.Type == type, $"type {type}, not {packet.Type} ({Convert.ToHexString(packet.Payload)})");
        return packet.Payload;
    }

    /// <summary>The outcome of a bulk transfer: status, length, data.</summary>
    public (byte Status, int Length, byte[] Data) ExpectBulk(ulong id)
    {
        Packet packet = Receive();
        Assert(packet.Type == 101 && packet.Id == id, $"the outcome of transfer {id}, not type {packet.Type}, id {packet.Id}");
        int length = packet.Payload[2] | (packet.Payload[3] << 8) | (packet.Payload[8] << 16) | (packet.Payload[9] << 24);
        return (packet.Payload[1], length, packet.Payload[10..]);
    }

    /// <summary>Nothing has come.</summary>
    public bool IsQuiet => !_socket.Poll(TimeSpan.FromMilliseconds(50), SelectMode.SelectRead);

    /// <summary>The other side hangs up; what it said before does not matter.</summary>
    public void ExpectEnd()
    {
        byte[] rest = new byte[4096];
        try
        {
            while (_socket.Receive(rest) > 0)
            {
            }
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            // It had not read all of it.
        }
    }

    public void Dispose() => _socket.Dispose();

    /// <summary>Header of a bulk packet with a length of 32 bits.</summary>
    public static byte[] Bulk(byte endpoint, byte status, uint length)
        => [endpoint, status, .. Half((ushort)(length & 0xFFFF)), 0, 0, 0, 0, .. Half((ushort)(length >> 16))];

    private static byte[] Half(ushort value) => [(byte)(value & 0xFF), (byte)(value >> 8)];

    private static byte[] Word(uint value) => [.. Half((ushort)(value & 0xFFFF)), .. Half((ushort)(value >> 16))];

    private static byte[] Long(ulong value) => [.. Word((uint)(value & uint.MaxValue)), .. Word((uint)(value >> 32))];

    private static void Assert(bool condition, string expected)
    {
        if (!condition)
        {
            throw new InvalidOperationException($"expected {expected}");
        }
    }

    private byte[] ReadExactly(int count)
    {
        byte[] bytes = new byte[count];
        for (int at = 0; at < count;)
        {
            int read = _socket.Receive(bytes.AsSpan(at));
            Assert(read > 0, $"{count - at} bytes more before the end");
            at += read;
        }

        return bytes;
    }
}
