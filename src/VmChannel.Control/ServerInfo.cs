namespace VmChannel.Control;

/// <summary>A server process.</summary>
/// <param name="Version">Of the program.</param>
/// <param name="Pid">Process id.</param>
/// <param name="Started">When it began, UTC.</param>
/// <param name="Vms">Names of the VMs it serves, in order.</param>
/// <param name="LastEvent">Number of the newest event; 0 before the first. Listening <c>after</c> it misses nothing.</param>
/// <param name="CanReload">It was started from a configuration file that can be read again.</param>
public sealed record ServerInfo(string Version, int Pid, DateTimeOffset Started, IReadOnlyList<string> Vms, long LastEvent, bool CanReload);
