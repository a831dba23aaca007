using System.Buffers.Binary;

namespace VmChannel.Wire.X11;

/// <summary>Somebody wants the value of a selection that we own.</summary>
/// <remarks>X Window System Protocol, SelectionRequest.</remarks>
public readonly record struct SelectionRequest(uint Time, uint Requestor, uint Selection, uint Target, uint Property)
{
    public const byte Code = 30;

    /// <param name="message">One with this code.</param>
    public static SelectionRequest Read(ReadOnlySpan<byte> message) => new(
        BinaryPrimitives.ReadUInt32LittleEndian(message[4..]),
        BinaryPrimitives.ReadUInt32LittleEndian(message[12..]),
        BinaryPrimitives.ReadUInt32LittleEndian(message[16..]),
        BinaryPrimitives.ReadUInt32LittleEndian(message[20..]),
        BinaryPrimitives.ReadUInt32LittleEndian(message[24..]));
}

/// <summary>The value of a selection is there, or (property 0) cannot be had.</summary>
/// <remarks>X Window System Protocol, SelectionNotify.</remarks>
public readonly record struct SelectionNotify(uint Time, uint Requestor, uint Selection, uint Target, uint Property)
{
    public const byte Code = 31;

    /// <param name="message">One with this code.</param>
    public static SelectionNotify Read(ReadOnlySpan<byte> message) => new(
        BinaryPrimitives.ReadUInt32LittleEndian(message[4..]),
        BinaryPrimitives.ReadUInt32LittleEndian(message[8..]),
        BinaryPrimitives.ReadUInt32LittleEndian(message[12..]),
        BinaryPrimitives.ReadUInt32LittleEndian(message[16..]),
        BinaryPrimitives.ReadUInt32LittleEndian(message[20..]));
}

/// <summary>A property was written, or deleted.</summary>
/// <remarks>X Window System Protocol, PropertyNotify.</remarks>
public readonly record struct PropertyNotify(uint Window, uint Property, bool IsDeleted)
{
    public const byte Code = 28;

    /// <param name="message">One with this code.</param>
    public static PropertyNotify Read(ReadOnlySpan<byte> message) => new(
        BinaryPrimitives.ReadUInt32LittleEndian(message[4..]), BinaryPrimitives.ReadUInt32LittleEndian(message[8..]), message[16] == 1);
}

/// <summary>A selection has a new owner, or (0) none any more.</summary>
/// <remarks>The XFIXES Extension, XFixesSelectionNotify. Its code is the extension's first.</remarks>
public readonly record struct OwnerNotify(uint Owner, uint Selection, uint Time)
{
    /// <param name="message">One with the extension's first code.</param>
    public static OwnerNotify Read(ReadOnlySpan<byte> message) => new(
        BinaryPrimitives.ReadUInt32LittleEndian(message[8..]),
        BinaryPrimitives.ReadUInt32LittleEndian(message[12..]),
        BinaryPrimitives.ReadUInt32LittleEndian(message[20..]));
}

/// <summary>A piece of a property.</summary>
/// <param name="Type">0 = there is no such property.</param>
/// <param name="BytesAfter">How much is left of it.</param>
/// <param name="ValueBytes">Bytes of it in this message, from <see cref="ServerMessage.Size"/> on.</param>
/// <remarks>X Window System Protocol, GetProperty.</remarks>
public readonly record struct PropertyReply(uint Type, uint BytesAfter, int ValueBytes)
{
    /// <param name="message">The reply.</param>
    public static PropertyReply Read(ReadOnlySpan<byte> message)
    {
        ulong bytes = BinaryPrimitives.ReadUInt32LittleEndian(message[16..]) * (ulong)(message[1] / 8u);
        return new(
            BinaryPrimitives.ReadUInt32LittleEndian(message[8..]),
            BinaryPrimitives.ReadUInt32LittleEndian(message[12..]),
            (int)Math.Min(bytes, (ulong)(message.Length - ServerMessage.Size)));
    }
}
