using VmChannel.Cli.Fetch;

namespace VmChannel.SystemTests.Rig;

/// <summary>The host's files in a UML guest, as a root for programs of the host.</summary>
internal static class HostFiles
{
    /// <summary>Where the guest has them.</summary>
    public const string Root = "/host";

    /// <summary>Shell words that mount them, with the guest's own folders for what a program changes.</summary>
    /// <param name="own">Names of those folders below the root.</param>
    public static string Mount(string own) =>
        $"mkdir {Root}; mount -t hostfs none {Root} -o /; for d in {own}; do mount --bind /$d {Root}/$d; done; " +
        string.Join("; ", Needed.Where(IsHidden).Select(folder => $"mkdir -p {Root}{folder}; mount -t hostfs none {Root}{folder} -o {folder}").Append("true"));

    // What tests run from. Whoever tries a clone below /tmp has it where the guest has a folder of its own.
    private static IEnumerable<string> Needed => [Executables.Repository, CacheFolder.Default];

    private static bool IsHidden(string folder) => folder.StartsWith("/tmp/", StringComparison.Ordinal) || folder.StartsWith("/run/", StringComparison.Ordinal);
}
