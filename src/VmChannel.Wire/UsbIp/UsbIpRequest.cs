using System.Buffers;
using System.Text;

namespace VmChannel.Wire.UsbIp;

/// <summary>The one question a client asks before a device is its own.</summary>
/// <param name="Operation">What it asks.</param>
/// <param name="BusId">The device it wants; empty when it asks for none.</param>
public readonly record struct UsbIpRequest(UsbIpOperation Operation, string BusId)
{
    /// <summary>Bytes of a bus id: text, then zeros.</summary>
    public const int BusIdBytes = 32;

    /// <summary>Bytes of the longest request.</summary>
    public const int MaxSize = UsbIpOperation.Size + BusIdBytes;

    /// <summary>Takes a whole request from the front of the input.</summary>
    /// <param name="input">Advanced past the request on success only.</param>
    /// <param name="request">The request; its operation also when that is not one for a server, or of another version.</param>
    /// <returns>InvalidData: nobody can say how long it is, so the stream cannot be followed.</returns>
    public static OperationStatus TryTake(ref ReadOnlySpan<byte> input, out UsbIpRequest request)
    {
        request = default;
        if (!UsbIpOperation.TryRead(input, out UsbIpOperation operation))
        {
            return OperationStatus.NeedMoreData;
        }

        request = new(operation, "");
        if (operation.Version != UsbIpOperation.CurrentVersion)
        {
            return OperationStatus.InvalidData;
        }

        switch (operation.Code)
        {
            case UsbIpCode.ListRequest:
                input = input[UsbIpOperation.Size..];
                return OperationStatus.Done;
            case UsbIpCode.ImportRequest when input.Length < MaxSize:
                return OperationStatus.NeedMoreData;
            case UsbIpCode.ImportRequest when TryReadBusId(input[UsbIpOperation.Size..MaxSize], out string? busId):
                request = new(operation, busId);
                input = input[MaxSize..];
                return OperationStatus.Done;
            default:
                return OperationStatus.InvalidData;
        }
    }

    /// <summary>What a kernel calls a device is printable; so it can be shown to people as it is.</summary>
    private static bool TryReadBusId(ReadOnlySpan<byte> field, out string busId)
    {
        int end = field.IndexOf((byte)0);
        ReadOnlySpan<byte> text = end < 0 ? field : field[..end];
        bool isText = !text.IsEmpty && !text.ContainsAnyExceptInRange((byte)0x21, (byte)0x7E);
        busId = isText ? Encoding.ASCII.GetString(text) : "";
        return isText;
    }
}
