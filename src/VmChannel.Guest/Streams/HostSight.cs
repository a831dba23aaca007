namespace VmChannel.Guest;

/// <summary>What one look at a channel's file has shown.</summary>
/// <param name="IsOpen">The host's end is open.</param>
/// <param name="IsUnplugged">The device is gone.</param>
/// <param name="HasRoom">A write would not wait.</param>
/// <param name="Flaps">How often the host's end was opened and closed again since the last look, where a transport counts that.</param>
internal readonly record struct HostSight(bool IsOpen, bool IsUnplugged = false, bool HasRoom = false, int Flaps = 0);
