using System.Buffers.Binary;

namespace VmChannel.Wire.UsbIp;

/// <summary>What the server says of a transfer: 48 bytes, big-endian, then the data of an IN transfer.</summary>
/// <remarks>Linux <c>drivers/usb/usbip/usbip_common.h</c>, <c>usbip_header_ret_submit</c> and <c>usbip_header_ret_unlink</c>.</remarks>
/// <param name="Kind">Which of the two it is.</param>
/// <param name="Sequence">Of the command it answers.</param>
/// <param name="Status">How it went.</param>
/// <param name="Length">Bytes that were moved; of an IN transfer, they follow.</param>
public readonly record struct UsbIpReply(UsbIpKind Kind, uint Sequence, UsbIpStatus Status, int Length)
{
    public const int Size = UsbIpCommand.HeaderSize;

    public static bool TryRead(ReadOnlySpan<byte> source, out UsbIpReply reply)
    {
        if (source.Length < Size)
        {
            reply = default;
            return false;
        }

        reply = new(
            (UsbIpKind)BinaryPrimitives.ReadUInt32BigEndian(source),
            BinaryPrimitives.ReadUInt32BigEndian(source[4..]),
            (UsbIpStatus)BinaryPrimitives.ReadInt32BigEndian(source[20..]),
            BinaryPrimitives.ReadInt32BigEndian(source[24..]));
        return true;
    }

    /// <summary>Writes it. Device, direction, endpoint and everything isochronous are 0.</summary>
    public void Write(Span<byte> destination)
    {
        destination[..Size].Clear();
        BinaryPrimitives.WriteUInt32BigEndian(destination, (uint)Kind);
        BinaryPrimitives.WriteUInt32BigEndian(destination[4..], Sequence);
        BinaryPrimitives.WriteInt32BigEndian(destination[20..], (int)Status);
        BinaryPrimitives.WriteInt32BigEndian(destination[24..], Length);
    }
}

/// <summary>How a transfer went, as Linux drivers are told: 0, or an error number below it.</summary>
/// <remarks>Linux <c>Documentation/driver-api/usb/error-codes.rst</c>.</remarks>
public enum UsbIpStatus
{
    Good = 0,

    /// <summary>More waits than the device keeps: −ENOMEM.</summary>
    NoMemory = -12,

    /// <summary>The lengths contradict each other, or there is no such endpoint: −EINVAL.</summary>
    Invalid = -22,

    /// <summary>The device refuses: −EPIPE.</summary>
    Stalled = -32,

    /// <summary>It was given up: −ECONNRESET.</summary>
    Unlinked = -104,
}
