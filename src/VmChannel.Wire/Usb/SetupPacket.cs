using System.Buffers.Binary;

namespace VmChannel.Wire.Usb;

/// <summary>A request on the control endpoint: 8 bytes, little-endian.</summary>
/// <remarks>USB 2.0 §9.3.</remarks>
/// <param name="RequestType">bmRequestType: direction, whose request it is, and what it is about.</param>
/// <param name="Request">bRequest.</param>
/// <param name="Value">wValue.</param>
/// <param name="Index">wIndex.</param>
/// <param name="Length">wLength: most bytes of the data stage.</param>
public readonly record struct SetupPacket(byte RequestType, byte Request, ushort Value, ushort Index, ushort Length)
{
    public const int Size = 8;

    /// <summary>The data stage goes to the host.</summary>
    public bool IsIn => (RequestType & 0x80) != 0;

    /// <summary>Whose request it is.</summary>
    public SetupKind Kind => (SetupKind)((RequestType >> 5) & 3);

    /// <summary>What it is about.</summary>
    public SetupRecipient Recipient => (SetupRecipient)(RequestType & 0x1F);

    public static bool TryRead(ReadOnlySpan<byte> source, out SetupPacket packet)
    {
        if (source.Length < Size)
        {
            packet = default;
            return false;
        }

        packet = new(
            source[0],
            source[1],
            BinaryPrimitives.ReadUInt16LittleEndian(source[2..]),
            BinaryPrimitives.ReadUInt16LittleEndian(source[4..]),
            BinaryPrimitives.ReadUInt16LittleEndian(source[6..]));
        return true;
    }
}

/// <summary>Who defined a request.</summary>
/// <remarks>USB 2.0 table 9-2. A host may send any value.</remarks>
public enum SetupKind
{
    Standard = 0,
    Class = 1,
    Vendor = 2,
}

/// <summary>What a request is about.</summary>
/// <remarks>USB 2.0 table 9-2. A host may send any value.</remarks>
public enum SetupRecipient
{
    Device = 0,
    Interface = 1,
    Endpoint = 2,
    Other = 3,
}

/// <summary>Requests that every device knows.</summary>
/// <remarks>USB 2.0 table 9-4.</remarks>
public enum StandardRequest : byte
{
    GetStatus = 0,
    ClearFeature = 1,
    SetFeature = 3,
    SetAddress = 5,
    GetDescriptor = 6,
    SetDescriptor = 7,
    GetConfiguration = 8,
    SetConfiguration = 9,
    GetInterface = 10,
    SetInterface = 11,
}
