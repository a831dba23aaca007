using System.Runtime.CompilerServices;

namespace VmChannel.Cli.Tests;

/// <summary>The working tree the tests were built in.</summary>
internal static class Repository
{
    public static string Root { get; } = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Here())!, "..", ".."));

    private static string Here([CallerFilePath] string path = "") => path;
}
