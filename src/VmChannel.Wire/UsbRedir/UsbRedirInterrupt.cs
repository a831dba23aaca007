using System.Buffers.Binary;

namespace VmChannel.Wire.UsbRedir;

/// <summary>What an interrupt endpoint said: 4 bytes, then the data.</summary>
/// <remarks>usbredir protocol 0.7, <c>usb_redir_interrupt_packet_header</c>.</remarks>
/// <param name="Endpoint">Its address.</param>
/// <param name="Status">How it went.</param>
/// <param name="Length">Bytes that follow.</param>
public readonly record struct UsbRedirInterrupt(byte Endpoint, UsbRedirStatus Status, ushort Length)
{
    public const int Size = 4;

    public void Write(Span<byte> destination)
    {
        destination[0] = Endpoint;
        destination[1] = (byte)Status;
        BinaryPrimitives.WriteUInt16LittleEndian(destination[2..], Length);
    }
}
