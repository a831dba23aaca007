using System.Buffers.Binary;
using VmChannel.Wire.Usb;

namespace VmChannel.Wire.UsbRedir;

/// <summary>The 32 endpoints of a configuration: type, interval and interface of each, and its packet size.</summary>
/// <remarks>usbredir protocol 0.7, <c>usb_redir_ep_info_header</c>. An endpoint's place is its number, plus 16 when it is an IN.</remarks>
public static class UsbRedirEndpoints
{
    private const int Count = 32;
    private const byte Absent = 255;

    /// <summary>Bytes of one.</summary>
    public static int Size(UsbRedirCapabilities shared) => (shared & UsbRedirCapabilities.EndpointMaxPacketSize) != 0 ? 5 * Count : 3 * Count;

    /// <summary>Place of an endpoint.</summary>
    public static int Place(byte endpoint) => ((endpoint & 0x80) >> 3) | (endpoint & 0x0F);

    /// <summary>Writes the control endpoint and those of the interfaces.</summary>
    /// <param name="destination">Room for <see cref="Size"/> bytes.</param>
    /// <param name="shared">What both sides can do.</param>
    /// <param name="controlPacketBytes">bMaxPacketSize0.</param>
    /// <param name="endpoints">The interfaces' own.</param>
    public static void Write(Span<byte> destination, UsbRedirCapabilities shared, ushort controlPacketBytes, ReadOnlySpan<EndpointDescriptor> endpoints)
    {
        destination = destination[..Size(shared)];
        destination.Clear();
        destination[..Count].Fill(Absent);
        Set(destination, new(0x00, TransferType.Control, controlPacketBytes, 0, 0));
        Set(destination, new(0x80, TransferType.Control, controlPacketBytes, 0, 0));
        foreach (EndpointDescriptor endpoint in endpoints)
        {
            Set(destination, endpoint);
        }
    }

    private static void Set(Span<byte> destination, in EndpointDescriptor endpoint)
    {
        int place = Place(endpoint.Address);
        destination[place] = (byte)endpoint.Type;
        destination[Count + place] = endpoint.Interval;
        destination[(2 * Count) + place] = endpoint.Interface;
        if (destination.Length > 3 * Count)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(destination[((3 * Count) + (2 * place))..], endpoint.PacketBytes);
        }
    }
}
