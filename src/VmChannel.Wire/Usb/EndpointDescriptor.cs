namespace VmChannel.Wire.Usb;

/// <summary>An endpoint of a configuration.</summary>
/// <remarks>USB 2.0 §9.6.6.</remarks>
/// <param name="Address">bEndpointAddress: its number, and 0x80 when it is an IN.</param>
/// <param name="Type">What transfers it has.</param>
/// <param name="PacketBytes">wMaxPacketSize.</param>
/// <param name="Interval">bInterval: how often a host asks. At high speed 2^(n−1) microframes of 125 µs, otherwise frames of 1 ms.</param>
/// <param name="Interface">Number of the interface that it belongs to.</param>
public readonly record struct EndpointDescriptor(byte Address, TransferType Type, ushort PacketBytes, byte Interval, byte Interface);

/// <summary>Kinds of transfers.</summary>
/// <remarks>USB 2.0 §9.6.6, bmAttributes.</remarks>
public enum TransferType : byte
{
    Control = 0,
    Isochronous = 1,
    Bulk = 2,
    Interrupt = 3,
}
