using VmChannel.Wire.Usb;

namespace VmChannel.Device.UsbSerial;

/// <summary>A modem of the Abstract Control Model: one interface to control it, one for its data. Drivers know it by its class.</summary>
/// <remarks>USB CDC 1.2 §5.2 and USB CDC PSTN 1.2 §5.3 have the functional descriptors; docs/decisions.md has why these numbers.</remarks>
internal static class AcmDescriptors
{
    /// <summary>Number of the communications interface, which requests are about.</summary>
    public const byte Communications = 0;

    private const byte Data = 1;
    private const ushort Vendor = 0x0525;
    private const ushort Product = 0xA4A7;
    private const ushort Version = 0x0100;
    private const byte CommunicationsClass = 0x02;
    private const byte DataClass = 0x0A;
    private const byte AbstractControl = 0x02;

    /// <summary>AT commands (V.250): nothing answers them here, but some drivers take no other protocol.</summary>
    private const byte AtCommands = 1;

    /// <summary>Room for a notification in one packet.</summary>
    private const byte NotificationPacketBytes = 16;

    /// <summary>2^8 microframes: 32 ms.</summary>
    private const byte NotificationInterval = 9;

    /// <summary>An interface association is in the configuration.</summary>
    private static readonly ClassCode Composite = new(0xEF, 2, 1);

    private static ReadOnlySpan<byte> Configuration =>
    [
        9, (byte)DescriptorType.Configuration, 75, 0, 2, 1, 0, 0x80, 45, // two interfaces, value 1, powered by the bus: 90 mA
        8, (byte)DescriptorType.InterfaceAssociation, Communications, 2, CommunicationsClass, AbstractControl, AtCommands, AdapterDescriptors.ProductText,
        9, (byte)DescriptorType.Interface, Communications, 0, 1, CommunicationsClass, AbstractControl, AtCommands, AdapterDescriptors.ProductText,
        5, (byte)DescriptorType.ClassInterface, 0x00, 0x10, 0x01, // header: CDC 1.10
        5, (byte)DescriptorType.ClassInterface, 0x01, 0x00, Data, // call management: none
        4, (byte)DescriptorType.ClassInterface, 0x02, 0x06, // abstract control: line coding and state, breaks
        5, (byte)DescriptorType.ClassInterface, 0x06, Communications, Data, // union
        7, (byte)DescriptorType.Endpoint, AdapterDescriptors.NotificationEndpoint, (byte)TransferType.Interrupt, NotificationPacketBytes, 0, NotificationInterval,
        9, (byte)DescriptorType.Interface, Data, 0, 2, DataClass, 0, 0, 0,
        7, (byte)DescriptorType.Endpoint, AdapterDescriptors.InEndpoint, (byte)TransferType.Bulk,
        AdapterDescriptors.BulkPacketBytes & 0xFF, AdapterDescriptors.BulkPacketBytes >> 8, 0,
        7, (byte)DescriptorType.Endpoint, AdapterDescriptors.OutEndpoint, (byte)TransferType.Bulk,
        AdapterDescriptors.BulkPacketBytes & 0xFF, AdapterDescriptors.BulkPacketBytes >> 8, 0,
    ];

    /// <summary>Those of an adapter.</summary>
    /// <param name="product">The product string.</param>
    /// <param name="serial">The serial number.</param>
    public static AdapterDescriptors Of(string product, string serial) => new(Vendor, Product, Version, Composite, Configuration, product, serial);
}
