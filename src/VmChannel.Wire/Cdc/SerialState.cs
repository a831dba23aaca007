using System.Buffers.Binary;

namespace VmChannel.Wire.Cdc;

/// <summary>What a device says of its line in a SERIAL_STATE notification.</summary>
/// <remarks>USB CDC PSTN 1.2 §6.5.4.</remarks>
[Flags]
public enum SerialState : ushort
{
    None = 0,

    /// <summary>DCD.</summary>
    Carrier = 1 << 0,

    /// <summary>DSR: "transmission carrier".</summary>
    DataSetReady = 1 << 1,
    Break = 1 << 2,
    RingSignal = 1 << 3,
    FramingError = 1 << 4,
    ParityError = 1 << 5,
    Overrun = 1 << 6,
}

/// <summary>The notification: a header like that of a request, then the state.</summary>
/// <remarks>USB CDC PSTN 1.2 §6.5.4, with the layout of USB 2.0 §9.3.</remarks>
public static class SerialStateNotification
{
    public const int Size = 10;

    /// <summary>bmRequestType: from the device, a class's, of an interface.</summary>
    private const byte RequestType = 0xA1;

    private const byte Code = 0x20;
    private const int StateAt = 8;

    /// <summary>Writes it.</summary>
    /// <param name="destination">Room for <see cref="Size"/> bytes.</param>
    /// <param name="communications">Number of the communications interface.</param>
    /// <param name="state">The line.</param>
    public static void Write(Span<byte> destination, byte communications, SerialState state)
    {
        destination[..Size].Clear();
        destination[0] = RequestType;
        destination[1] = Code;
        BinaryPrimitives.WriteUInt16LittleEndian(destination[4..], communications);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[6..], Size - StateAt);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[StateAt..], (ushort)state);
    }
}
