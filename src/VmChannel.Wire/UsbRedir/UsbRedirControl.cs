using System.Buffers.Binary;
using VmChannel.Wire.Usb;

namespace VmChannel.Wire.UsbRedir;

/// <summary>A control transfer, or its outcome: 10 bytes, then the data if it goes this way.</summary>
/// <remarks>usbredir protocol 0.7, <c>usb_redir_control_packet_header</c>.</remarks>
/// <param name="Endpoint">0x80 when data is to come from the device, otherwise 0.</param>
/// <param name="Status">Of an outcome.</param>
/// <param name="Setup">The request; in an outcome its length is that of the data.</param>
public readonly record struct UsbRedirControl(byte Endpoint, UsbRedirStatus Status, SetupPacket Setup)
{
    public const int Size = 10;

    public static bool TryRead(ReadOnlySpan<byte> source, out UsbRedirControl packet)
    {
        if (source.Length < Size)
        {
            packet = default;
            return false;
        }

        SetupPacket setup = new(
            source[2],
            source[1],
            BinaryPrimitives.ReadUInt16LittleEndian(source[4..]),
            BinaryPrimitives.ReadUInt16LittleEndian(source[6..]),
            BinaryPrimitives.ReadUInt16LittleEndian(source[8..]));
        packet = new(source[0], (UsbRedirStatus)source[3], setup);
        return true;
    }

    public void Write(Span<byte> destination)
    {
        destination[0] = Endpoint;
        destination[1] = Setup.Request;
        destination[2] = Setup.RequestType;
        destination[3] = (byte)Status;
        BinaryPrimitives.WriteUInt16LittleEndian(destination[4..], Setup.Value);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[6..], Setup.Index);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[8..], Setup.Length);
    }
}
