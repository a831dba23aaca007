using VmChannel.Cli.CommandLine;

namespace VmChannel.Cli.Run;

/// <summary>A folder of the host that the guest may write to.</summary>
/// <param name="HostPath">Absolute.</param>
/// <param name="GuestPath">Absolute; where it appears in the guest.</param>
internal sealed record SharedFolder(string HostPath, string GuestPath)
{
    /// <summary><c>DIR</c>, which appears at the same place, or <c>DIR:/PATH</c>.</summary>
    /// <exception cref="UsageException">No such folder.</exception>
    public static SharedFolder Parse(string value)
    {
        // A folder may have a colon in its name: what exists is taken as it is.
        int separator = Directory.Exists(value) ? -1 : value.LastIndexOf(":/", StringComparison.Ordinal);
        string host = Path.GetFullPath(separator < 0 ? value : value[..separator]);
        string guest = separator < 0 ? host : value[(separator + 1)..];
        return Directory.Exists(host)
            ? new(host, guest)
            : throw new UsageException($"--share {value}: {host} is not a folder; give DIR or DIR:/PATH-IN-THE-GUEST");
    }
}
