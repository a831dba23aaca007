using System.Buffers;
using System.Buffers.Binary;

namespace VmChannel.Wire.UsbRedir;

/// <summary>Precedes every packet, little-endian: 12 bytes, or 16 when both sides have <see cref="UsbRedirCapabilities.WideIds"/>.</summary>
/// <remarks>usbredir protocol 0.7, <c>usb_redir_header</c>. A hello always has the short one.</remarks>
/// <param name="Type">What it is.</param>
/// <param name="PayloadBytes">Bytes that follow.</param>
/// <param name="Id">Names a transfer; its outcome has the same one.</param>
public readonly record struct UsbRedirHeader(UsbRedirType Type, uint PayloadBytes, ulong Id)
{
    public const int ShortSize = 12;
    public const int WideSize = 16;

    /// <summary>Most data of one transfer that a peer may send: no driver of a serial adapter comes near it.</summary>
    public const int MaxDataBytes = 1 << 20;

    /// <summary>Most that may follow a header.</summary>
    public const int MaxPayloadBytes = MaxDataBytes + UsbRedirControl.Size;

    /// <summary>Bytes of a header.</summary>
    public static int Size(bool wideIds) => wideIds ? WideSize : ShortSize;

    /// <summary>Takes a whole packet from the front of the input.</summary>
    /// <param name="input">Advanced past the packet on success only.</param>
    /// <param name="wideIds">The header is the long one.</param>
    /// <param name="header">The header; also when only its payload is not whole yet, so that there can be room for it.</param>
    /// <param name="payload">What follows it, part of the input.</param>
    /// <returns>InvalidData: it claims to be longer than anything may be, so the stream cannot be followed.</returns>
    public static OperationStatus TryTake(ref ReadOnlySpan<byte> input, bool wideIds, out UsbRedirHeader header, out ReadOnlySpan<byte> payload)
    {
        header = default;
        payload = default;
        int size = Size(wideIds);
        if (input.Length < size)
        {
            return OperationStatus.NeedMoreData;
        }

        header = new(
            (UsbRedirType)BinaryPrimitives.ReadUInt32LittleEndian(input),
            BinaryPrimitives.ReadUInt32LittleEndian(input[4..]),
            wideIds ? BinaryPrimitives.ReadUInt64LittleEndian(input[8..]) : BinaryPrimitives.ReadUInt32LittleEndian(input[8..]));
        if (header.PayloadBytes > MaxPayloadBytes)
        {
            return OperationStatus.InvalidData;
        }

        int length = (int)header.PayloadBytes;
        if (input.Length - size < length)
        {
            return OperationStatus.NeedMoreData;
        }

        payload = input.Slice(size, length);
        input = input[(size + length)..];
        return OperationStatus.Done;
    }

    /// <summary>Writes the header.</summary>
    /// <returns>Its bytes.</returns>
    public int Write(Span<byte> destination, bool wideIds)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, (uint)Type);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], PayloadBytes);
        if (wideIds)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(destination[8..], Id);
            return WideSize;
        }

        BinaryPrimitives.WriteUInt32LittleEndian(destination[8..], (uint)(Id & uint.MaxValue));
        return ShortSize;
    }
}
