namespace VmChannel.Control;

/// <summary>What reading the configuration file again has changed. VMs as <c>web</c>, ports as <c>web port 4 (org.qemu.clipboard)</c>.</summary>
/// <param name="Added">New.</param>
/// <param name="Removed">Gone.</param>
/// <param name="Changed">Changed while running.</param>
/// <param name="Unchanged">Ports that were not touched.</param>
/// <param name="Failed">What could not be done, one sentence each; the next reload tries again.</param>
public sealed record ReloadResult(
    IReadOnlyList<string> Added, IReadOnlyList<string> Removed, IReadOnlyList<string> Changed, int Unchanged, IReadOnlyList<string> Failed);
