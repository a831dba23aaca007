using System.Buffers;
using System.Buffers.Binary;

namespace VmChannel.Wire.Capture;

/// <summary>What a record of a capture tells (wire field <c>kind</c>).</summary>
/// <remarks>A later version may write others: a reader skips them.</remarks>
public enum CaptureKind : byte
{
    /// <summary>The payload is what was moved.</summary>
    Bytes = 0,

    /// <summary>Bytes were moved that could not be kept; the payload is their number, u64.</summary>
    Gap = 1,
}

/// <summary>One record of a capture: 16 bytes, little-endian, then the payload.</summary>
/// <remarks>
/// <code>
///  0  time       u64  nanoseconds since the capture began
///  8  kind       u8
///  9  direction  u8
/// 10  reserved   u16  0
/// 12  length     u32  bytes of the payload
/// </code>
/// </remarks>
/// <param name="Nanoseconds">When, since the capture began.</param>
/// <param name="Kind">What it tells.</param>
/// <param name="Direction">Which way the bytes went.</param>
/// <param name="Length">Bytes of the payload, at most <see cref="MaxPayloadBytes"/>.</param>
public readonly record struct CaptureRecord(ulong Nanoseconds, CaptureKind Kind, CaptureDirection Direction, int Length)
{
    public const int Size = 16;
    public const int MaxPayloadBytes = 1024 * 1024;

    private const int KindOffset = 8;
    private const int DirectionOffset = 9;
    private const int ReservedOffset = 10;
    private const int LengthOffset = 12;

    /// <summary>Takes the next record off the bytes read so far.</summary>
    /// <param name="input">Moved past the record when the result is Done.</param>
    /// <param name="record">The record when the result is Done.</param>
    /// <param name="payload">Its payload, inside <paramref name="input"/>.</param>
    /// <returns>Done; NeedMoreData, which at the end of a file means that its last record was cut off; InvalidData.</returns>
    public static OperationStatus TryTake(ref ReadOnlySpan<byte> input, out CaptureRecord record, out ReadOnlySpan<byte> payload)
    {
        record = default;
        payload = default;
        if (input.Length < Size)
        {
            return OperationStatus.NeedMoreData;
        }

        CaptureKind kind = (CaptureKind)input[KindOffset];
        CaptureDirection direction = (CaptureDirection)input[DirectionOffset];
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(input[LengthOffset..]);
        if (length > MaxPayloadBytes || (kind == CaptureKind.Gap && length != sizeof(ulong)) || direction > CaptureDirection.ToGuest)
        {
            return OperationStatus.InvalidData;
        }

        if (input.Length - Size < (int)length)
        {
            return OperationStatus.NeedMoreData;
        }

        record = new(BinaryPrimitives.ReadUInt64LittleEndian(input), kind, direction, (int)length);
        payload = input.Slice(Size, (int)length);
        input = input[(Size + (int)length)..];
        return OperationStatus.Done;
    }

    /// <summary>Bytes a gap stands for.</summary>
    /// <param name="payload">Of a record of kind <see cref="CaptureKind.Gap"/>.</param>
    public static ulong GapBytes(ReadOnlySpan<byte> payload) => BinaryPrimitives.ReadUInt64LittleEndian(payload);

    /// <summary>Appends a record that says how many bytes are missing here.</summary>
    public static void WriteGap(IBufferWriter<byte> destination, ulong nanoseconds, CaptureDirection direction, ulong bytes)
    {
        ArgumentNullException.ThrowIfNull(destination);
        new CaptureRecord(nanoseconds, CaptureKind.Gap, direction, sizeof(ulong)).WriteHeader(destination);
        BinaryPrimitives.WriteUInt64LittleEndian(destination.GetSpan(sizeof(ulong)), bytes);
        destination.Advance(sizeof(ulong));
    }

    /// <summary>Appends the record without its payload, which the caller appends next: <see cref="Length"/> bytes.</summary>
    public void WriteHeader(IBufferWriter<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(destination);
        Span<byte> bytes = destination.GetSpan(Size);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, Nanoseconds);
        bytes[KindOffset] = (byte)Kind;
        bytes[DirectionOffset] = (byte)Direction;
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[ReservedOffset..], 0);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[LengthOffset..], (uint)Length);
        destination.Advance(Size);
    }
}
