using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace VmChannel.Wire.Capture;

/// <summary>Beginning of a capture of one channel: 26 bytes, little-endian, then the port's name.</summary>
/// <remarks>
/// <code>
///  0  magic      8 bytes  "VMCHCAP" NUL
///  8  version    u16      1
/// 10  size       u16      bytes of the header, name included: a reader skips what it does not know
/// 12  port       u32      number of the port
/// 16  start      i64      nanoseconds since 1970-01-01 UTC
/// 24  name length u16     bytes of the name; 0 = a port without one
/// 26  name       UTF-8
/// </code>
/// <see cref="CaptureRecord"/>s follow to the end of the file, whose last one may be cut off.
/// </remarks>
/// <param name="Port">Number of the port.</param>
/// <param name="Name">Its protocol name, at most <see cref="MaxNameBytes"/> bytes of UTF-8; empty when it has none.</param>
/// <param name="StartNanoseconds">When the capture began, since 1970-01-01 UTC.</param>
public readonly record struct CaptureHeader(uint Port, string Name, long StartNanoseconds)
{
    public const int MinBytes = 26;
    public const int MaxNameBytes = 255;

    /// <summary>No version's header is longer.</summary>
    public const int MaxBytes = 4096;

    public const ushort Version = 1;

    private const int VersionOffset = 8;
    private const int SizeOffset = 10;
    private const int PortOffset = 12;
    private const int StartOffset = 16;
    private const int NameLengthOffset = 24;

    private static ReadOnlySpan<byte> Magic => "VMCHCAP\0"u8;

    /// <summary>Takes the header off the bytes read so far.</summary>
    /// <param name="input">Moved past the header when the result is Done.</param>
    /// <param name="header">The header when the result is Done.</param>
    /// <returns>Done; NeedMoreData; InvalidData: no capture, or one of a later version.</returns>
    public static OperationStatus TryTake(ref ReadOnlySpan<byte> input, out CaptureHeader header)
    {
        header = default;
        int known = Math.Min(input.Length, Magic.Length);
        if (!input[..known].SequenceEqual(Magic[..known]))
        {
            return OperationStatus.InvalidData;
        }

        if (input.Length < MinBytes)
        {
            return OperationStatus.NeedMoreData;
        }

        int size = BinaryPrimitives.ReadUInt16LittleEndian(input[SizeOffset..]);
        int nameBytes = BinaryPrimitives.ReadUInt16LittleEndian(input[NameLengthOffset..]);
        if (BinaryPrimitives.ReadUInt16LittleEndian(input[VersionOffset..]) != Version
            || nameBytes > MaxNameBytes || size < MinBytes + nameBytes || size > MaxBytes)
        {
            return OperationStatus.InvalidData;
        }

        if (input.Length < size)
        {
            return OperationStatus.NeedMoreData;
        }

        header = new(
            BinaryPrimitives.ReadUInt32LittleEndian(input[PortOffset..]),
            Encoding.UTF8.GetString(input.Slice(MinBytes, nameBytes)),
            BinaryPrimitives.ReadInt64LittleEndian(input[StartOffset..]));
        input = input[size..];
        return OperationStatus.Done;
    }

    /// <summary>Appends the header.</summary>
    /// <exception cref="ArgumentException">The name is longer than <see cref="MaxNameBytes"/>.</exception>
    public void Write(IBufferWriter<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(destination);
        int nameBytes = Encoding.UTF8.GetByteCount(Name);
        if (nameBytes > MaxNameBytes)
        {
            throw new ArgumentException($"a port's name has at most {MaxNameBytes} bytes, this one {nameBytes}", nameof(destination));
        }

        Span<byte> bytes = destination.GetSpan(MinBytes + nameBytes);
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[VersionOffset..], Version);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[SizeOffset..], (ushort)(MinBytes + nameBytes));
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[PortOffset..], Port);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[StartOffset..], StartNanoseconds);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[NameLengthOffset..], (ushort)nameBytes);
        _ = Encoding.UTF8.GetBytes(Name, bytes[MinBytes..]);
        destination.Advance(MinBytes + nameBytes);
    }
}
