using VmChannel.Wire.Usb;

namespace VmChannel.Device.UsbSerial;

/// <summary>An FT232H, FTDI's single high-speed adapter, with our texts.</summary>
/// <remarks>docs/decisions.md has why this chip.</remarks>
internal static class FtdiDescriptors
{
    private const ushort Vendor = 0x0403;
    private const ushort Product = 0x6014;

    /// <summary>By which drivers tell the chip.</summary>
    private const ushort Version = 0x0900;

    /// <summary>Class of its interface: the vendor's own, and so are its subclass and protocol.</summary>
    private const byte InterfaceClass = 0xFF;

    private static ReadOnlySpan<byte> Configuration =>
    [
        9, (byte)DescriptorType.Configuration, 32, 0, 1, 1, 0, 0x80, 45, // one interface, value 1, powered by the bus: 90 mA
        9, (byte)DescriptorType.Interface, 0, 0, 2, InterfaceClass, InterfaceClass, InterfaceClass, AdapterDescriptors.ProductText,
        7, (byte)DescriptorType.Endpoint, AdapterDescriptors.InEndpoint, (byte)TransferType.Bulk,
        AdapterDescriptors.BulkPacketBytes & 0xFF, AdapterDescriptors.BulkPacketBytes >> 8, 0,
        7, (byte)DescriptorType.Endpoint, AdapterDescriptors.OutEndpoint, (byte)TransferType.Bulk,
        AdapterDescriptors.BulkPacketBytes & 0xFF, AdapterDescriptors.BulkPacketBytes >> 8, 0,
    ];

    /// <summary>Those of an adapter.</summary>
    /// <param name="product">The product string.</param>
    /// <param name="serial">The serial number.</param>
    public static AdapterDescriptors Of(string product, string serial) => new(Vendor, Product, Version, default, Configuration, product, serial);
}
