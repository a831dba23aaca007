namespace VmChannel.Device.Ports;

/// <summary>A file that gets everything the guest writes to a port (<c>logfile=</c>, <c>logappend=</c>, as QEMU's chardevs have them).</summary>
/// <param name="Path">A regular file; made if it is not there.</param>
/// <param name="Append">Keeps what is in the file at the start.</param>
/// <param name="RotateBytes">The file never grows beyond this size: it is renamed, and a new one begun (<c>logsize=</c>). Null = no limit.</param>
/// <param name="Keep">Files kept besides, <c>Path.1</c> the youngest (<c>logkeep=</c>).</param>
public sealed record LogFileSpec(string Path, bool Append = false, long? RotateBytes = null, int Keep = LogFileSpec.DefaultKeep)
{
    public const int DefaultKeep = 3;

    /// <summary>Each rotation renames them all, on the thread that serves the ports.</summary>
    public const int MostKeep = 99;

    /// <summary>Smaller ones would make a turn of the loop rotate many times.</summary>
    public const long LeastRotateBytes = 64 * 1024;
}
