using System.Buffers.Binary;

namespace VmChannel.Wire.UsbIp;

/// <summary>What a connection begins with: 8 bytes, big-endian. A client asks once; the server answers with the same kind.</summary>
/// <remarks>Linux <c>tools/usb/usbip/src/usbip_network.h</c>, <c>struct op_common</c>; <c>Documentation/usb/usbip_protocol.rst</c>.</remarks>
/// <param name="Version">Of the protocol, as BCD: only equals understand each other.</param>
/// <param name="Code">What is asked, or answered.</param>
/// <param name="Status">How it went; 0 in a question.</param>
public readonly record struct UsbIpOperation(ushort Version, UsbIpCode Code, UsbIpOutcome Status)
{
    public const int Size = 8;

    /// <summary>1.1.1.</summary>
    public const ushort CurrentVersion = 0x0111;

    public static bool TryRead(ReadOnlySpan<byte> source, out UsbIpOperation operation)
    {
        if (source.Length < Size)
        {
            operation = default;
            return false;
        }

        operation = new(
            BinaryPrimitives.ReadUInt16BigEndian(source),
            (UsbIpCode)BinaryPrimitives.ReadUInt16BigEndian(source[2..]),
            (UsbIpOutcome)BinaryPrimitives.ReadUInt32BigEndian(source[4..]));
        return true;
    }

    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt16BigEndian(destination, Version);
        BinaryPrimitives.WriteUInt16BigEndian(destination[2..], (ushort)Code);
        BinaryPrimitives.WriteUInt32BigEndian(destination[4..], (uint)Status);
    }
}

/// <summary>Kind of an operation (wire field <c>code</c>).</summary>
/// <remarks>Linux <c>tools/usb/usbip/src/usbip_network.h</c>, <c>OP_REQ_*</c> and <c>OP_REP_*</c>. A peer may send any value.</remarks>
public enum UsbIpCode : ushort
{
    /// <summary>Client: import the device with the bus id that follows.</summary>
    ImportRequest = 0x8003,

    /// <summary>Server: the device, if the status is good; then the connection is the device's.</summary>
    ImportReply = 0x0003,

    /// <summary>Client: which devices are there.</summary>
    ListRequest = 0x8005,

    /// <summary>Server: a count, the devices, and each one's interfaces.</summary>
    ListReply = 0x0005,
}

/// <summary>How an operation went (wire field <c>status</c>).</summary>
/// <remarks>Linux <c>tools/usb/usbip/libsrc/usbip_common.h</c>, <c>ST_*</c>.</remarks>
public enum UsbIpOutcome : uint
{
    Good = 0,

    /// <summary>Not to be had now.</summary>
    NotAvailable = 1,

    /// <summary>Somebody else has imported it.</summary>
    Busy = 2,
    DeviceError = 3,

    /// <summary>There is no such device.</summary>
    NoDevice = 4,
    Error = 5,
}
