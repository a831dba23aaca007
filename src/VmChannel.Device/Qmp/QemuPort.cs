namespace VmChannel.Device.Qmp;

/// <summary>A port in QEMU.</summary>
/// <param name="Id">Its id; for a device without one, its path in QEMU's object tree.</param>
/// <param name="Number">Its number in the guest.</param>
/// <param name="Name">Its name in the guest; null when it has none.</param>
/// <param name="Bus">Path of the bus it is plugged into.</param>
internal sealed record QemuPort(string Id, int Number, string? Name, string Bus);
