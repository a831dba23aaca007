using System.Buffers.Binary;

namespace VmChannel.Wire.UsbRedir;

/// <summary>The interfaces of a configuration: a count, then number, class, subclass and protocol of 32.</summary>
/// <remarks>usbredir protocol 0.7, <c>usb_redir_interface_info_header</c>.</remarks>
public static class UsbRedirInterfaces
{
    public const int Size = 4 + (4 * Count);

    private const int Count = 32;

    /// <summary>Writes one interface with number 0, or none.</summary>
    /// <param name="destination">Room for <see cref="Size"/> bytes.</param>
    /// <param name="interfaceClass">Its class, which is its subclass and protocol as well; null = the device is not configured.</param>
    public static void Write(Span<byte> destination, byte? interfaceClass)
    {
        destination[..Size].Clear();
        if (interfaceClass is byte its)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(destination, 1);
            destination[4 + Count] = its;
            destination[4 + (2 * Count)] = its;
            destination[4 + (3 * Count)] = its;
        }
    }
}
