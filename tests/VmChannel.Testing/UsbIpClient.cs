using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using VmChannel.Wire.Usb;
using VmChannel.Wire.UsbIp;

namespace VmChannel.Testing;

/// <summary>A USB/IP client that sends whatever a test says, blocking.</summary>
public sealed class UsbIpClient : IDisposable
{
    private readonly Socket _socket;
    private uint _sequence;

    public UsbIpClient(IPEndPoint server)
    {
        _socket = new(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveTimeout = 30_000, SendTimeout = 30_000 };
        _socket.Connect(server);
    }

    /// <summary>What commands name the imported device by.</summary>
    public uint Device { get; set; }

    /// <summary>An operation without anything behind it.</summary>
    public static byte[] Operation(UsbIpCode code, ushort version = UsbIpOperation.CurrentVersion)
    {
        byte[] message = new byte[UsbIpOperation.Size];
        new UsbIpOperation(version, code, UsbIpOutcome.Good).Write(message);
        return message;
    }

    public static byte[] ImportOf(string busId)
        => [.. Operation(UsbIpCode.ImportRequest), .. Encoding.ASCII.GetBytes(busId.PadRight(UsbIpRequest.BusIdBytes, '\0'))];

    /// <summary>Imports a device. The answer's status; with a good one, the connection is the device's.</summary>
    public UsbIpOutcome Import(string busId)
    {
        Send(ImportOf(busId));
        UsbIpOutcome outcome = ReadOperation(UsbIpCode.ImportReply);
        if (outcome == UsbIpOutcome.Good)
        {
            byte[] device = Read(UsbIpDevice.Size);
            Device = (BinaryPrimitives.ReadUInt32BigEndian(device.AsSpan(288)) << 16) | BinaryPrimitives.ReadUInt32BigEndian(device.AsSpan(292));
        }

        return outcome;
    }

    /// <summary>The devices that there are: bus id and path.</summary>
    public List<(string BusId, string Path)> List()
    {
        Send(Operation(UsbIpCode.ListRequest));
        _ = ReadOperation(UsbIpCode.ListReply);
        List<(string, string)> devices = [];
        for (uint left = BinaryPrimitives.ReadUInt32BigEndian(Read(4)); left > 0; left--)
        {
            byte[] device = Read(UsbIpDevice.Size);
            _ = Read(UsbIpDevice.InterfaceSize * device[^1]);
            devices.Add((Text(device.AsSpan(UsbIpDevice.PathBytes, UsbIpRequest.BusIdBytes)), Text(device.AsSpan(0, UsbIpDevice.PathBytes))));
        }

        return devices;
    }

    /// <summary>A transfer. Returns its number.</summary>
    /// <param name="endpoint">Number, without the direction.</param>
    /// <param name="isIn">Direction.</param>
    /// <param name="length">Room, or bytes claimed.</param>
    /// <param name="setup">On endpoint 0.</param>
    /// <param name="data">What follows, whatever is claimed.</param>
    public uint Submit(uint endpoint, bool isIn, int length, SetupPacket setup = default, ReadOnlySpan<byte> data = default)
    {
        byte[] message = [.. Command(UsbIpKind.Submit), .. data];
        Span<byte> rest = message.AsSpan(12);
        BinaryPrimitives.WriteUInt32BigEndian(rest, isIn ? 1u : 0);
        BinaryPrimitives.WriteUInt32BigEndian(rest[4..], endpoint);
        BinaryPrimitives.WriteInt32BigEndian(rest[12..], length);
        rest[28] = setup.RequestType;
        rest[29] = setup.Request;
        BinaryPrimitives.WriteUInt16LittleEndian(rest[30..], setup.Value);
        BinaryPrimitives.WriteUInt16LittleEndian(rest[32..], setup.Index);
        BinaryPrimitives.WriteUInt16LittleEndian(rest[34..], setup.Length);
        Send(message);
        return _sequence;
    }

    public uint SubmitIn(int length = 512) => Submit(1, isIn: true, length);

    public uint SubmitOut(ReadOnlySpan<byte> data) => Submit(2, isIn: false, data.Length, data: data);

    /// <summary>Gives a transfer up. Returns the number of that.</summary>
    public uint Unlink(uint transfer)
    {
        byte[] message = Command(UsbIpKind.Unlink);
        BinaryPrimitives.WriteUInt32BigEndian(message.AsSpan(20), transfer);
        Send(message);
        return _sequence;
    }

    /// <summary>A control transfer and its outcome.</summary>
    public (UsbIpStatus Status, byte[] Data) Control(byte requestType, byte request, ushort value, ushort index = 0, ushort length = 0)
    {
        bool isIn = (requestType & 0x80) != 0;
        uint sequence = Submit(0, isIn, length, new(requestType, request, value, index, length));
        (UsbIpReply reply, byte[] data) = ReadReply(isIn);
        return reply.Sequence == sequence ? (reply.Status, data) : throw new InvalidDataException($"{reply} instead of that of {sequence}");
    }

    /// <summary>What drivers of FTDI's adapters do at an open and a close.</summary>
    public void SetDtr(bool isHigh) => _ = Control(0x40, 1, (ushort)(isHigh ? 0x0303 : 0x0300));

    /// <summary>The next answer, with its data if it is that of an IN transfer.</summary>
    public (UsbIpReply Reply, byte[] Data) ReadReply(bool isIn)
    {
        _ = UsbIpReply.TryRead(Read(UsbIpReply.Size), out UsbIpReply reply);
        return (reply, isIn && reply.Kind == UsbIpKind.SubmitReply ? Read(reply.Length) : []);
    }

    /// <summary>The server ends the connection, with nothing more to read than is thrown away here.</summary>
    public bool WaitForEnd()
    {
        byte[] rest = new byte[4096];
        try
        {
            while (_socket.Receive(rest) > 0)
            {
            }

            return true;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            return true;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.TimedOut)
        {
            return false;
        }
    }

    public void Send(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[_socket.Send(bytes)..];
        }
    }

    /// <summary>Sends as much as the server takes within a moment. Returns how much that is.</summary>
    public long Flood(ReadOnlySpan<byte> bytes)
    {
        const int MomentMicroseconds = 300_000;
        long sent = 0;
        _socket.Blocking = false;
        while (sent < bytes.Length && _socket.Poll(MomentMicroseconds, SelectMode.SelectWrite))
        {
            int count = _socket.Send(bytes[(int)sent..], SocketFlags.None, out SocketError error);
            sent += count;
            if (error is not (SocketError.Success or SocketError.WouldBlock))
            {
                break;
            }
        }

        _socket.Blocking = true;
        return sent;
    }

    public byte[] Read(int count)
    {
        byte[] bytes = new byte[count];
        for (int got = 0; got < count;)
        {
            int more = _socket.Receive(bytes.AsSpan(got));
            got += more > 0 ? more : throw new EndOfStreamException($"the server hung up {count - got} bytes early");
        }

        return bytes;
    }

    public void Dispose() => _socket.Dispose();

    /// <summary>The front of a command, with a number of its own.</summary>
    public byte[] Command(UsbIpKind kind)
    {
        byte[] message = new byte[UsbIpCommand.HeaderSize];
        BinaryPrimitives.WriteUInt32BigEndian(message, (uint)kind);
        BinaryPrimitives.WriteUInt32BigEndian(message.AsSpan(4), ++_sequence);
        BinaryPrimitives.WriteUInt32BigEndian(message.AsSpan(8), Device);
        return message;
    }

    private UsbIpOutcome ReadOperation(UsbIpCode expected)
    {
        _ = UsbIpOperation.TryRead(Read(UsbIpOperation.Size), out UsbIpOperation operation);
        return operation.Code == expected && operation.Version == UsbIpOperation.CurrentVersion
            ? operation.Status
            : throw new InvalidDataException($"{operation} instead of {expected}");
    }

    private static string Text(ReadOnlySpan<byte> field) => Encoding.ASCII.GetString(field[..field.IndexOf((byte)0)]);
}
