namespace VmChannel.SystemTests.Rig;

/// <summary>A folder of one test, with a path short enough for sockets; gone afterwards.</summary>
internal sealed class TestFolder : IDisposable
{
    public TestFolder() => Root = Directory.CreateTempSubdirectory("vmt").FullName;

    public string Root { get; }

    public string File(string name) => Path.Combine(Root, name);

    /// <summary>Names of everything in it.</summary>
    public string[] Names() => [.. Directory.GetFileSystemEntries(Root).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
