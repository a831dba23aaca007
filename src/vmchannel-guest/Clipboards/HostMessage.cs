using VmChannel.Wire.VdAgent;

namespace VmChannel.GuestTool.Clipboards;

/// <summary>A message for the host.</summary>
/// <param name="Type">Its kind.</param>
/// <param name="Fields">Its first bytes.</param>
/// <param name="Data">What follows them.</param>
internal sealed record HostMessage(MessageType Type, byte[] Fields, byte[] Data);
