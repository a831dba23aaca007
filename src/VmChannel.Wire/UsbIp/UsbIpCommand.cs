using System.Buffers;
using System.Buffers.Binary;
using VmChannel.Wire.Usb;

namespace VmChannel.Wire.UsbIp;

/// <summary>What a client says once a device is its own: 48 bytes, big-endian, then the data of an OUT transfer.</summary>
/// <remarks>Linux <c>drivers/usb/usbip/usbip_common.h</c>, <c>struct usbip_header</c>; <c>Documentation/usb/usbip_protocol.rst</c>.</remarks>
/// <param name="Kind">What it is.</param>
/// <param name="Sequence">Names it; the answer has the same number.</param>
/// <param name="Device">Which device: <see cref="UsbIpDevice.Id"/>.</param>
/// <param name="IsIn">Data goes to the client.</param>
/// <param name="Endpoint">Number of the endpoint, without its direction.</param>
/// <param name="Length">Bytes that follow, or that the client has room for.</param>
/// <param name="Setup">The request, on endpoint 0.</param>
/// <param name="Unlinked">For <see cref="UsbIpKind.Unlink"/>: which transfer to give up.</param>
public readonly record struct UsbIpCommand(
    UsbIpKind Kind, uint Sequence, uint Device, bool IsIn, byte Endpoint, int Length, SetupPacket Setup, uint Unlinked)
{
    /// <summary>Bytes of each message's header.</summary>
    public const int HeaderSize = 48;

    /// <summary>Most data of one transfer that a client may send: no driver of a serial adapter comes near it.</summary>
    public const int MaxDataBytes = 1 << 20;

    private const int SetupAt = 40;

    /// <summary>Bytes that follow the header.</summary>
    public int DataBytes => Kind == UsbIpKind.Submit && !IsIn ? Length : 0;

    /// <summary>Takes a whole command from the front of the input.</summary>
    /// <param name="input">Advanced past the command on success only.</param>
    /// <param name="command">The command; also when only its data is not whole yet, so that there can be room for it.</param>
    /// <param name="data">What follows it, part of the input.</param>
    /// <returns>InvalidData: no kind, direction, endpoint or length that there can be, so the stream cannot be followed.</returns>
    /// <remarks>
    /// Isochronous transfers have packet descriptors behind their data; a device without such endpoints gets none, whatever
    /// number_of_packets says, and that is how Linux reads it too.
    /// </remarks>
    public static OperationStatus TryTake(ref ReadOnlySpan<byte> input, out UsbIpCommand command, out ReadOnlySpan<byte> data)
    {
        command = default;
        data = default;
        if (input.Length < HeaderSize)
        {
            return OperationStatus.NeedMoreData;
        }

        UsbIpKind kind = (UsbIpKind)BinaryPrimitives.ReadUInt32BigEndian(input);
        uint sequence = BinaryPrimitives.ReadUInt32BigEndian(input[4..]);
        uint device = BinaryPrimitives.ReadUInt32BigEndian(input[8..]);
        uint direction = BinaryPrimitives.ReadUInt32BigEndian(input[12..]);
        uint endpoint = BinaryPrimitives.ReadUInt32BigEndian(input[16..]);
        if (kind == UsbIpKind.Unlink)
        {
            command = new(kind, sequence, device, false, 0, 0, default, BinaryPrimitives.ReadUInt32BigEndian(input[20..]));
            input = input[HeaderSize..];
            return OperationStatus.Done;
        }

        uint length = BinaryPrimitives.ReadUInt32BigEndian(input[24..]);
        bool isIn = direction == 1;
        if (kind != UsbIpKind.Submit || direction > 1 || endpoint > 15 || length > (isIn ? int.MaxValue : MaxDataBytes))
        {
            return OperationStatus.InvalidData;
        }

        _ = SetupPacket.TryRead(input[SetupAt..HeaderSize], out SetupPacket setup);
        command = new(kind, sequence, device, isIn, (byte)endpoint, (int)length, setup, 0);
        int size = HeaderSize + command.DataBytes;
        if (input.Length < size)
        {
            return OperationStatus.NeedMoreData;
        }

        data = input[HeaderSize..size];
        input = input[size..];
        return OperationStatus.Done;
    }
}

/// <summary>Kind of a message (wire field <c>command</c>).</summary>
/// <remarks>Linux <c>drivers/usb/usbip/usbip_common.h</c>, <c>USBIP_CMD_*</c> and <c>USBIP_RET_*</c>. A peer may send any value.</remarks>
public enum UsbIpKind : uint
{
    /// <summary>Client: a transfer.</summary>
    Submit = 1,

    /// <summary>Client: give a transfer up.</summary>
    Unlink = 2,

    /// <summary>Server: a transfer is over.</summary>
    SubmitReply = 3,

    /// <summary>Server: it was given up, or was over before.</summary>
    UnlinkReply = 4,
}
