using System.Buffers.Binary;

namespace VmChannel.Wire.UsbRedir;

/// <summary>The 32 endpoints of a configuration: type, interval and interface of each, and its packet size.</summary>
/// <remarks>usbredir protocol 0.7, <c>usb_redir_ep_info_header</c>. An endpoint's place is its number, plus 16 when it is an IN.</remarks>
public static class UsbRedirEndpoints
{
    private const int Count = 32;
    private const byte Control = 0;
    private const byte Bulk = 2;
    private const byte Absent = 255;

    /// <summary>Bytes of one.</summary>
    public static int Size(UsbRedirCapabilities shared) => (shared & UsbRedirCapabilities.EndpointMaxPacketSize) != 0 ? 5 * Count : 3 * Count;

    /// <summary>Place of an endpoint.</summary>
    public static int Place(byte endpoint) => ((endpoint & 0x80) >> 3) | (endpoint & 0x0F);

    /// <summary>Writes the control endpoint and bulk endpoints of interface 0.</summary>
    /// <param name="destination">Room for <see cref="Size"/> bytes.</param>
    /// <param name="shared">What both sides can do.</param>
    /// <param name="controlPacketBytes">bMaxPacketSize0.</param>
    /// <param name="bulk">Addresses of the bulk endpoints.</param>
    /// <param name="bulkPacketBytes">wMaxPacketSize of each.</param>
    public static void Write(Span<byte> destination, UsbRedirCapabilities shared, ushort controlPacketBytes, ReadOnlySpan<byte> bulk, ushort bulkPacketBytes)
    {
        destination = destination[..Size(shared)];
        destination.Clear();
        destination[..Count].Fill(Absent);
        Set(destination, Place(0x00), Control, controlPacketBytes);
        Set(destination, Place(0x80), Control, controlPacketBytes);
        foreach (byte endpoint in bulk)
        {
            Set(destination, Place(endpoint), Bulk, bulkPacketBytes);
        }
    }

    private static void Set(Span<byte> destination, int place, byte type, ushort packetBytes)
    {
        destination[place] = type;
        if (destination.Length > 3 * Count)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(destination[((3 * Count) + (2 * place))..], packetBytes);
        }
    }
}
