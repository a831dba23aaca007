using VmChannel.Device.UsbSerial;
using VmChannel.Native;
using VmChannel.Wire.UsbRedir;

namespace VmChannel.Device.UsbRedir;

/// <summary>Writes this side's packets: what is connected, and outcomes. Knows what both sides can do.</summary>
/// <param name="send">Gets them.</param>
internal sealed class UsbRedirPackets(SendBuffer send)
{
    public const UsbRedirCapabilities Offered =
        UsbRedirCapabilities.ConnectDeviceVersion | UsbRedirCapabilities.Filter | UsbRedirCapabilities.DeviceDisconnectAck
        | UsbRedirCapabilities.EndpointMaxPacketSize | UsbRedirCapabilities.WideIds | UsbRedirCapabilities.WideBulkLength;

    /// <summary>What both sides can do; nothing before the peer's hello.</summary>
    public UsbRedirCapabilities Shared { get; private set; }

    /// <summary>Headers have the long id.</summary>
    public bool WideIds => (Shared & UsbRedirCapabilities.WideIds) != 0;

    private int BulkHeaderBytes => UsbRedirHeader.Size(WideIds) + UsbRedirBulk.Size(Shared);

    public void Hello() => UsbRedirHello.Write(Begin(UsbRedirType.Hello, 0, UsbRedirHello.Size), "vmchannel"u8, Offered);

    /// <summary>The peer said what it can do.</summary>
    public void Agree(UsbRedirCapabilities theirs) => Shared = Offered & theirs;

    /// <summary>Endpoints, then interfaces: in this order before every answer that depends on them.</summary>
    public void Shape(UsbSerialAdapter adapter)
    {
        AdapterDescriptors its = adapter.Descriptors;
        bool isConfigured = adapter.Configuration != 0;
        Span<byte> endpoints = Begin(UsbRedirType.EndpointInfo, 0, UsbRedirEndpoints.Size(Shared));
        UsbRedirEndpoints.Write(endpoints, Shared, AdapterDescriptors.ControlPacketBytes, isConfigured ? its.Endpoints : []);
        UsbRedirInterfaces.Write(Begin(UsbRedirType.InterfaceInfo, 0, UsbRedirInterfaces.Size), isConfigured ? its.Interfaces : []);
    }

    public void Connect(AdapterDescriptors its)
    {
        UsbRedirDevice device = new(UsbRedirSpeed.High, its.Class, its.Vendor, its.Product, its.Version);
        device.Write(Begin(UsbRedirType.DeviceConnect, 0, UsbRedirDevice.Size(Shared)), Shared);
    }

    public void Disconnect() => _ = Begin(UsbRedirType.DeviceDisconnect, 0, 0);

    /// <summary>An answer of a few bytes.</summary>
    public void Answer(UsbRedirType type, ulong id, params ReadOnlySpan<byte> payload) => payload.CopyTo(Begin(type, id, payload.Length));

    /// <summary>The outcome of a control transfer.</summary>
    public void Control(ulong id, in UsbRedirControl asked, UsbRedirStatus status, ReadOnlySpan<byte> data, int length)
    {
        Span<byte> payload = Begin(UsbRedirType.ControlPacket, id, UsbRedirControl.Size + data.Length);
        (asked with { Status = status, Setup = asked.Setup with { Length = (ushort)length } }).Write(payload);
        data.CopyTo(payload[UsbRedirControl.Size..]);
    }

    /// <summary>The outcome of a bulk transfer that has no data to send.</summary>
    public void Bulk(ulong id, byte endpoint, UsbRedirStatus status, int length, uint stream = 0)
        => new UsbRedirBulk(endpoint, status, (uint)length, stream).Write(Begin(UsbRedirType.BulkPacket, id, UsbRedirBulk.Size(Shared)), Shared);

    /// <summary>Finds room for a bulk packet's data.</summary>
    public bool TryReserve(int bytes, out PinnedBuffer buffer, out int offset)
    {
        buffer = send.Buffer;
        bool isThere = send.TryReserve(BulkHeaderBytes + bytes, out int packet);
        offset = packet + BulkHeaderBytes;
        return isThere;
    }

    /// <summary>The outcome of an IN transfer, whose data is where <see cref="TryReserve"/> said.</summary>
    public void BulkData(ulong id, byte endpoint, int bytes)
    {
        Span<byte> header = send.Add(BulkHeaderBytes);
        int at = new UsbRedirHeader(UsbRedirType.BulkPacket, (uint)(UsbRedirBulk.Size(Shared) + bytes), id).Write(header, WideIds);
        new UsbRedirBulk(endpoint, UsbRedirStatus.Success, (uint)bytes, 0).Write(header[at..], Shared);
        send.Commit(bytes);
    }

    /// <summary>What an interrupt endpoint says, if there is room for it now.</summary>
    public bool TryInterrupt(byte endpoint, ReadOnlySpan<byte> data)
    {
        if (!send.TryReserve(UsbRedirHeader.Size(WideIds) + UsbRedirInterrupt.Size + data.Length, out _))
        {
            return false;
        }

        Span<byte> payload = Begin(UsbRedirType.InterruptPacket, 0, UsbRedirInterrupt.Size + data.Length);
        new UsbRedirInterrupt(endpoint, UsbRedirStatus.Success, (ushort)data.Length).Write(payload);
        data.CopyTo(payload[UsbRedirInterrupt.Size..]);
        return true;
    }

    private Span<byte> Begin(UsbRedirType type, ulong id, int payloadBytes)
    {
        Span<byte> packet = send.Add(UsbRedirHeader.Size(WideIds) + payloadBytes);
        int at = new UsbRedirHeader(type, (uint)payloadBytes, id).Write(packet, WideIds);
        return packet[at..];
    }
}
