using System.Buffers.Binary;
using VmChannel.Wire.Usb;

namespace VmChannel.Device.UsbSerial;

/// <summary>What an adapter says of itself: an FT232H, FTDI's single high-speed adapter, with our texts.</summary>
/// <remarks>docs/decisions.md has why this chip. USB 2.0 §9.6 has the layouts.</remarks>
internal sealed class FtdiDescriptors
{
    public const ushort Vendor = 0x0403;
    public const ushort Product = 0x6014;

    /// <summary>bcdDevice, by which drivers tell the chip.</summary>
    public const ushort Version = 0x0900;

    /// <summary>Class of the device's interface: the vendor's own, and so are its subclass and protocol.</summary>
    public const byte InterfaceClass = 0xFF;

    public const byte InEndpoint = 0x81;
    public const byte OutEndpoint = 0x02;
    public const ushort ControlPacketBytes = 64;

    /// <summary>Bytes of a bulk packet at high speed.</summary>
    public const ushort BulkPacketBytes = 512;

    private const ushort BulkPacketBytesAtFullSpeed = 64;
    private const byte Manufacturer = 1;
    private const byte ProductText = 2;
    private const byte SerialText = 3;

    private readonly byte[][] _strings;

    /// <param name="product">The product string.</param>
    /// <param name="serial">The serial number.</param>
    public FtdiDescriptors(string product, string serial)
        => _strings = [StringDescriptor.OfLanguages(), StringDescriptor.Of("vmchannel"), StringDescriptor.Of(product), StringDescriptor.Of(serial)];

    private static ReadOnlySpan<byte> Device =>
    [
        18, (byte)DescriptorType.Device,
        0x00, 0x02, // bcdUSB 2.00
        0, 0, 0, (byte)ControlPacketBytes, // each interface has its own class
        Vendor & 0xFF, Vendor >> 8, Product & 0xFF, Product >> 8, Version & 0xFF, Version >> 8,
        Manufacturer, ProductText, SerialText, 1, // configurations
    ];

    private static ReadOnlySpan<byte> Qualifier => [10, (byte)DescriptorType.DeviceQualifier, 0x00, 0x02, 0, 0, 0, (byte)ControlPacketBytes, 1, 0];

    private static ReadOnlySpan<byte> Configuration =>
    [
        9, (byte)DescriptorType.Configuration, 32, 0, 1, 1, 0, 0x80, 45, // one interface, value 1, powered by the bus: 90 mA
        9, (byte)DescriptorType.Interface, 0, 0, 2, InterfaceClass, InterfaceClass, InterfaceClass, ProductText,
        7, (byte)DescriptorType.Endpoint, InEndpoint, 2, BulkPacketBytes & 0xFF, BulkPacketBytes >> 8, 0, // bulk
        7, (byte)DescriptorType.Endpoint, OutEndpoint, 2, BulkPacketBytes & 0xFF, BulkPacketBytes >> 8, 0,
    ];

    /// <summary>The guest asked for what the channel's name is in.</summary>
    public static bool IsProduct(ushort value) => value == (((byte)DescriptorType.String << 8) | ProductText);

    /// <summary>Writes a descriptor as far as it was asked for.</summary>
    /// <param name="value">wValue of the request: type and index.</param>
    /// <param name="destination">Its length is what was asked for.</param>
    /// <returns>Bytes written; −1 = there is no such descriptor.</returns>
    public int Read(ushort value, Span<byte> destination)
    {
        int index = value & 0xFF;
        switch ((DescriptorType)(value >> 8))
        {
            case DescriptorType.Device when index == 0:
                return Put(Device, destination);
            case DescriptorType.DeviceQualifier when index == 0:
                return Put(Qualifier, destination);
            case DescriptorType.Configuration when index == 0:
                return Put(Configuration, destination);
            case DescriptorType.OtherSpeedConfiguration when index == 0:
                Span<byte> other = stackalloc byte[Configuration.Length];
                Configuration.CopyTo(other);
                other[1] = (byte)DescriptorType.OtherSpeedConfiguration;
                BinaryPrimitives.WriteUInt16LittleEndian(other[22..], BulkPacketBytesAtFullSpeed);
                BinaryPrimitives.WriteUInt16LittleEndian(other[29..], BulkPacketBytesAtFullSpeed);
                return Put(other, destination);
            case DescriptorType.String when index < _strings.Length:
                return Put(_strings[index], destination);
            default:
                return -1;
        }
    }

    private static int Put(ReadOnlySpan<byte> descriptor, Span<byte> destination)
    {
        int count = Math.Min(descriptor.Length, destination.Length);
        descriptor[..count].CopyTo(destination);
        return count;
    }
}
