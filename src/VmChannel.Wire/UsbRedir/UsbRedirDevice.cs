using System.Buffers.Binary;
using VmChannel.Wire.Usb;

namespace VmChannel.Wire.UsbRedir;

/// <summary>How fast a device is.</summary>
/// <remarks>usbredir protocol 0.7, <c>usb_redir_speed_*</c>.</remarks>
public enum UsbRedirSpeed : byte
{
    Low = 0,
    Full = 1,

    /// <summary>480 Mbit/s.</summary>
    High = 2,
    Super = 3,
    Unknown = 255,
}

/// <summary>A device that is there: 8 bytes, or 10 with its version.</summary>
/// <remarks>usbredir protocol 0.7, <c>usb_redir_device_connect_header</c>.</remarks>
/// <param name="Speed">How fast.</param>
/// <param name="Class">Its class.</param>
/// <param name="Vendor">idVendor.</param>
/// <param name="Product">idProduct.</param>
/// <param name="Version">bcdDevice.</param>
public readonly record struct UsbRedirDevice(UsbRedirSpeed Speed, ClassCode Class, ushort Vendor, ushort Product, ushort Version)
{
    /// <summary>Bytes of one.</summary>
    public static int Size(UsbRedirCapabilities shared) => (shared & UsbRedirCapabilities.ConnectDeviceVersion) != 0 ? 10 : 8;

    public void Write(Span<byte> destination, UsbRedirCapabilities shared)
    {
        destination[0] = (byte)Speed;
        destination[1] = Class.Class;
        destination[2] = Class.Subclass;
        destination[3] = Class.Protocol;
        BinaryPrimitives.WriteUInt16LittleEndian(destination[4..], Vendor);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[6..], Product);
        if ((shared & UsbRedirCapabilities.ConnectDeviceVersion) != 0)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(destination[8..], Version);
        }
    }
}
