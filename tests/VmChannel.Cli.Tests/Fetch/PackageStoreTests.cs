using VmChannel.Cli.Fetch;
using Xunit;

namespace VmChannel.Cli.Tests.Fetch;

public sealed class PackageStoreTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("vmchannel-store-").FullName;

    private static PackageSet Tools { get; } = new("tools", "a test's set", "bookworm", ["one", "two"], WithDependencies: false);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Find_NothingFetched_IsNull() => Assert.Null(new PackageStore(_folder, new()).Find(Tools));

    [Fact]
    public void Find_FolderWithoutStamp_IsNull()
    {
        Directory.CreateDirectory(Path.Combine(_folder, Tools.FolderName, "root"));

        Assert.Null(new PackageStore(_folder, new()).Find(Tools));
    }

    [Fact]
    public async Task Get_CompleteSet_IsReusedWithoutFetching()
    {
        string set = Directory.CreateDirectory(Path.Combine(_folder, Tools.FolderName)).FullName;
        await File.WriteAllTextAsync(Path.Combine(set, "complete"), "one_1.deb\n", TestContext.Current.CancellationToken);

        Assert.Equal(set, await new PackageStore(_folder, new()).GetAsync(Tools, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void FolderName_AnyPartOfTheDefinitionChanges_Changes()
    {
        string[] names =
        [
            Tools.FolderName,
            (Tools with { Suite = "trixie" }).FolderName,
            (Tools with { Packages = ["one"] }).FolderName,
            (Tools with { WithDependencies = true }).FolderName,
        ];

        Assert.Distinct(names);
        Assert.All(names, name => Assert.StartsWith("tools-", name, StringComparison.Ordinal));
    }

    [Fact]
    public void Sources_Backports_IncludeTheSuiteTheyBuildOn()
    {
        string[] lines = AptFolder.SourcesOf("trixie-backports", "http://m/debian").Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.Collection(
            lines,
            line => Assert.EndsWith("http://m/debian trixie main", line, StringComparison.Ordinal),
            line => Assert.EndsWith("http://m/debian trixie-backports main", line, StringComparison.Ordinal));
        Assert.All(lines, line => Assert.Contains("signed-by=", line, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("/x/cache", "/home/a", "/x/cache/vmchannel")]
    [InlineData("relative", "/home/a", "/home/a/.cache/vmchannel")]
    [InlineData(null, "/home/a", "/home/a/.cache/vmchannel")]
    public void CacheFolder_FollowsTheXdgRule(string? xdg, string home, string expected) => Assert.Equal(expected, CacheFolder.Of(xdg, home));

    [Fact]
    public void CacheFolder_NoHome_SaysWhatToSet() => Assert.Contains("XDG_CACHE_HOME", Assert.Throws<FetchException>(() => CacheFolder.Of(null, null)).Message, StringComparison.Ordinal);
}
