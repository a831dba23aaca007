using VmChannel.Wire.VdAgent;

namespace VmChannel.Device.Services.Clipboard;

/// <summary>A message on its way to the guest's agent: its first fields, then data that may be long.</summary>
internal readonly record struct OutgoingMessage(MessageType Type, ReadOnlyMemory<byte> Fields, ReadOnlyMemory<byte> Data);
