using System.Buffers.Binary;
using VmChannel.Wire.Usb;

namespace VmChannel.Wire.UsbRedir;

/// <summary>The interfaces of a configuration: a count, then number, class, subclass and protocol of 32.</summary>
/// <remarks>usbredir protocol 0.7, <c>usb_redir_interface_info_header</c>.</remarks>
public static class UsbRedirInterfaces
{
    public const int Size = 4 + (4 * Count);

    private const int Count = 32;

    /// <summary>Writes interfaces, numbered from 0 on.</summary>
    /// <param name="destination">Room for <see cref="Size"/> bytes.</param>
    /// <param name="interfaces">Their classes; none = the device is not configured.</param>
    public static void Write(Span<byte> destination, ReadOnlySpan<ClassCode> interfaces)
    {
        destination[..Size].Clear();
        BinaryPrimitives.WriteInt32LittleEndian(destination, interfaces.Length);
        Span<byte> fields = destination[4..];
        for (int i = 0; i < interfaces.Length; i++)
        {
            fields[i] = (byte)i;
            fields[Count + i] = interfaces[i].Class;
            fields[(2 * Count) + i] = interfaces[i].Subclass;
            fields[(3 * Count) + i] = interfaces[i].Protocol;
        }
    }
}
