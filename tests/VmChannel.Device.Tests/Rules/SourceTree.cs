using System.Runtime.CompilerServices;

namespace VmChannel.Device.Tests.Rules;

/// <summary>The repository's own text.</summary>
internal static class SourceTree
{
    public static string Root { get; } = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Here())!, "..", "..", ".."));

    /// <summary>Every C# file below a folder, by path relative to the root.</summary>
    public static IEnumerable<(string Path, string[] Lines)> Files(string folder)
        => Directory.EnumerateFiles(Path.Combine(Root, folder), "*.cs", SearchOption.AllDirectories)
            .Where(path => !path.Contains("/obj/", StringComparison.Ordinal) && !path.Contains("/bin/", StringComparison.Ordinal))
            .Select(path => (Path.GetRelativePath(Root, path), File.ReadAllLines(path)));

    private static string Here([CallerFilePath] string path = "") => path;
}
