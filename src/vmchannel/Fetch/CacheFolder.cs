namespace VmChannel.Cli.Fetch;

/// <summary>Where fetched and derived files are kept: safe to delete at any time when nothing runs.</summary>
internal static class CacheFolder
{
    public static string Default =>
        Of(Environment.GetEnvironmentVariable("XDG_CACHE_HOME"), Environment.GetEnvironmentVariable("HOME"));

    /// <summary>The XDG base directory rule: relative values are ignored.</summary>
    public static string Of(string? xdgCacheHome, string? home)
    {
        if (xdgCacheHome is not null && xdgCacheHome.StartsWith('/'))
        {
            return Path.Combine(xdgCacheHome, "vmchannel");
        }

        return string.IsNullOrEmpty(home)
            ? throw new FetchException("neither XDG_CACHE_HOME nor HOME is set, so there is no place for fetched files. Set one of them.")
            : Path.Combine(home, ".cache", "vmchannel");
    }
}
