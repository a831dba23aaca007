using System.Runtime.CompilerServices;

namespace VmChannel.Cli.Tests.Metrics;

/// <summary>Where the files are that are shipped as they are.</summary>
internal static class Repository
{
    public static string Root { get; } = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Here())!, "..", "..", ".."));

    private static string Here([CallerFilePath] string path = "") => path;
}
