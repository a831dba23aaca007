using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace VmChannel.Wire.Wayland;

/// <summary>An event of a compositor: eight bytes that say of which object, which and how long, then its arguments. Little-endian, as the machines are.</summary>
/// <remarks>The Wayland Protocol, "Wire Format". Descriptors travel beside the bytes.</remarks>
public readonly ref struct WaylandMessage(ReadOnlySpan<byte> bytes)
{
    public const int HeaderBytes = 8;

    /// <summary>The longest that its 16 bits of length can say.</summary>
    public const int MaxBytes = 65535;

    public ReadOnlySpan<byte> Bytes { get; } = bytes;

    /// <summary>Whose event it is.</summary>
    public uint Target => BinaryPrimitives.ReadUInt32LittleEndian(Bytes);

    /// <summary>Which of that object's events.</summary>
    public ushort Opcode => BinaryPrimitives.ReadUInt16LittleEndian(Bytes[4..]);

    public ReadOnlySpan<byte> Arguments => Bytes[HeaderBytes..];

    /// <summary>Takes one message off the input, which is advanced only then.</summary>
    /// <returns>InvalidData: its length is none.</returns>
    public static OperationStatus TryTake(ref ReadOnlySpan<byte> input, out WaylandMessage message)
    {
        message = default;
        if (input.Length < HeaderBytes)
        {
            return OperationStatus.NeedMoreData;
        }

        int bytes = BinaryPrimitives.ReadUInt16LittleEndian(input[6..]);
        if (bytes < HeaderBytes || bytes % sizeof(uint) != 0)
        {
            return OperationStatus.InvalidData;
        }

        if (input.Length < bytes)
        {
            return OperationStatus.NeedMoreData;
        }

        message = new(input[..bytes]);
        input = input[bytes..];
        return OperationStatus.Done;
    }

    /// <summary>Takes a number or an object off arguments.</summary>
    public static bool TryTakeWord(ref ReadOnlySpan<byte> arguments, out uint word)
    {
        if (!BinaryPrimitives.TryReadUInt32LittleEndian(arguments, out word))
        {
            return false;
        }

        arguments = arguments[sizeof(uint)..];
        return true;
    }

    /// <summary>Takes a string off arguments: its length with the zero byte at its end, and padding to whole words. False: it is none.</summary>
    public static bool TryTakeString(ref ReadOnlySpan<byte> arguments, out string text)
    {
        text = "";
        ReadOnlySpan<byte> rest = arguments;
        if (!TryTakeWord(ref rest, out uint length) || length == 0 || length > rest.Length || rest[(int)length - 1] != 0)
        {
            return false;
        }

        int padded = ((int)length + 3) & ~3;
        if (padded > rest.Length)
        {
            return false;
        }

        text = Encoding.UTF8.GetString(rest[..((int)length - 1)]);
        arguments = rest[padded..];
        return true;
    }
}
