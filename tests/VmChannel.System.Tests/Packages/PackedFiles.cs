using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Packages;

/// <summary>What <c>./pack</c> has made.</summary>
internal static class PackedFiles
{
    public static string Host { get; } = Single("vmchannel_*.deb");

    public static string Guest { get; } = Single("vmchannel-guest_*.deb");

    /// <summary>A NuGet package.</summary>
    public static string Library(string name) => Single($"{name}.?.?.?.nupkg");

    private static string Single(string pattern)
    {
        string folder = Path.Combine(Executables.Repository, "out", "packages");
        string[] files = Directory.Exists(folder) ? Directory.GetFiles(folder, pattern) : [];
        return files is [string file] ? file : throw new FileNotFoundException($"{folder} has {files.Length} files {pattern}, not one: make them with ./pack");
    }
}
