using System.Buffers.Binary;
using System.Text;
using VmChannel.Wire.Usb;

namespace VmChannel.Wire.UsbIp;

/// <summary>A device as the server describes it: 312 bytes, big-endian.</summary>
/// <remarks>Linux <c>tools/usb/usbip/libsrc/usbip_common.h</c>, <c>struct usbip_usb_device</c>.</remarks>
/// <param name="Path">For people, who see it in the list: ASCII, up to 255 characters.</param>
/// <param name="BusId">By which it is imported: ASCII, up to 31 characters.</param>
/// <param name="Bus">Number of its bus.</param>
/// <param name="Device">Number on that bus. Linux's tool keeps 8 bits of both.</param>
/// <param name="Vendor">idVendor.</param>
/// <param name="Product">idProduct.</param>
/// <param name="Version">bcdDevice.</param>
/// <param name="Class">Its class.</param>
/// <param name="Interfaces">How many it has.</param>
public readonly record struct UsbIpDevice(
    string Path, string BusId, byte Bus, byte Device, ushort Vendor, ushort Product, ushort Version, ClassCode Class, byte Interfaces)
{
    public const int Size = PathBytes + UsbIpRequest.BusIdBytes + 24;

    /// <summary>Bytes of each interface that follows a device in a list.</summary>
    public const int InterfaceSize = 4;

    /// <summary>Bytes of the path: text, then zeros.</summary>
    public const int PathBytes = 256;

    /// <summary>480 Mbit/s, as Linux counts speeds (<c>enum usb_device_speed</c>).</summary>
    private const uint HighSpeed = 3;

    private const int NumbersAt = PathBytes + UsbIpRequest.BusIdBytes;

    /// <summary>How commands name the device: <c>busnum &lt;&lt; 16 | devnum</c>.</summary>
    public uint Id => ((uint)Bus << 16) | Device;

    /// <summary>Writes it as a high-speed device with one configuration, which is chosen.</summary>
    public void Write(Span<byte> destination)
    {
        destination[..Size].Clear();
        _ = Encoding.ASCII.GetBytes(Path, destination[..(PathBytes - 1)]);
        _ = Encoding.ASCII.GetBytes(BusId, destination[PathBytes..(NumbersAt - 1)]);
        Span<byte> numbers = destination[NumbersAt..];
        BinaryPrimitives.WriteUInt32BigEndian(numbers, Bus);
        BinaryPrimitives.WriteUInt32BigEndian(numbers[4..], Device);
        BinaryPrimitives.WriteUInt32BigEndian(numbers[8..], HighSpeed);
        BinaryPrimitives.WriteUInt16BigEndian(numbers[12..], Vendor);
        BinaryPrimitives.WriteUInt16BigEndian(numbers[14..], Product);
        BinaryPrimitives.WriteUInt16BigEndian(numbers[16..], Version);
        WriteClass(numbers[18..], Class);
        numbers[21] = 1; // bConfigurationValue
        numbers[22] = 1; // bNumConfigurations
        numbers[23] = Interfaces; // bNumInterfaces
    }

    /// <summary>Writes what follows it in a list: an interface.</summary>
    public static void WriteInterface(Span<byte> destination, ClassCode code)
    {
        WriteClass(destination, code);
        destination[3] = 0;
    }

    private static void WriteClass(Span<byte> destination, ClassCode code)
    {
        destination[0] = code.Class;
        destination[1] = code.Subclass;
        destination[2] = code.Protocol;
    }
}
