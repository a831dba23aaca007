using VmChannel.Wire.VdAgent;

namespace VmChannel.Device.Services.Clipboard;

/// <summary>A message on its way to the guest's agent: its first fields, then data that may be long.</summary>
/// <param name="Type">Its kind.</param>
/// <param name="Fields">Its first bytes.</param>
/// <param name="Data">Held by who sends it; null = none.</param>
internal readonly record struct OutgoingMessage(MessageType Type, ReadOnlyMemory<byte> Fields, ClipboardContent? Data)
{
    /// <summary>A message with data that is at hand.</summary>
    public OutgoingMessage(MessageType type, ReadOnlyMemory<byte> fields, ReadOnlyMemory<byte> bytes)
        : this(type, fields, Data: null) => Bytes = bytes;

    /// <summary>Data that is at hand, when there is no <see cref="Data"/>.</summary>
    public ReadOnlyMemory<byte> Bytes { get; }

    public int DataBytes => Data?.Length ?? Bytes.Length;
}
