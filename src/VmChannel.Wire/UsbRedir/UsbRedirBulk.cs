using System.Buffers.Binary;

namespace VmChannel.Wire.UsbRedir;

/// <summary>A bulk transfer, or its outcome: 8 bytes, or 10 with a length of 32 bits; then the data if it goes this way.</summary>
/// <remarks>usbredir protocol 0.7, <c>usb_redir_bulk_packet_header</c>.</remarks>
/// <param name="Endpoint">Its address.</param>
/// <param name="Status">Of an outcome.</param>
/// <param name="Length">Bytes asked for, or sent, or taken.</param>
/// <param name="Stream">A stream of USB 3; 0 otherwise.</param>
public readonly record struct UsbRedirBulk(byte Endpoint, UsbRedirStatus Status, uint Length, uint Stream)
{
    /// <summary>Bytes of one.</summary>
    public static int Size(UsbRedirCapabilities shared) => (shared & UsbRedirCapabilities.WideBulkLength) != 0 ? 10 : 8;

    public static bool TryRead(ReadOnlySpan<byte> source, UsbRedirCapabilities shared, out UsbRedirBulk packet)
    {
        int size = Size(shared);
        if (source.Length < size)
        {
            packet = default;
            return false;
        }

        uint length = BinaryPrimitives.ReadUInt16LittleEndian(source[2..]);
        if (size > 8)
        {
            length |= (uint)BinaryPrimitives.ReadUInt16LittleEndian(source[8..]) << 16;
        }

        packet = new(source[0], (UsbRedirStatus)source[1], length, BinaryPrimitives.ReadUInt32LittleEndian(source[4..]));
        return true;
    }

    public void Write(Span<byte> destination, UsbRedirCapabilities shared)
    {
        destination[0] = Endpoint;
        destination[1] = (byte)Status;
        BinaryPrimitives.WriteUInt16LittleEndian(destination[2..], (ushort)(Length & 0xFFFF));
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], Stream);
        if (Size(shared) > 8)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(destination[8..], (ushort)(Length >> 16));
        }
    }
}
