namespace VmChannel.Cli.Run;

/// <summary>A folder of the host that the guest may write to.</summary>
/// <param name="HostPath">Absolute.</param>
/// <param name="GuestPath">Absolute; where it appears in the guest.</param>
internal sealed record SharedFolder(string HostPath, string GuestPath)
{
    /// <summary><c>DIR</c>, which appears at the same place, or <c>DIR:PATH</c>.</summary>
    /// <exception cref="RunException">No such folder, or a path the kernel's command line cannot carry.</exception>
    public static SharedFolder Parse(string value)
    {
        string[] parts = value.Split(':');
        string host = Path.GetFullPath(parts[0]);
        string guest = parts.Length == 2 ? parts[1] : host;
        if (parts.Length > 2 || !guest.StartsWith('/') || guest.AsSpan().ContainsAny(" \t\n\"\\") || host.AsSpan().ContainsAny(" \t\n\"\\"))
        {
            throw new RunException($"--share {value}: give DIR or DIR:PATH, PATH absolute, both without spaces, quotes and further colons");
        }

        return Directory.Exists(host) ? new(host, guest) : throw new RunException($"--share {value}: {host} is not a folder");
    }
}
