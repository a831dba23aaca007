using VmChannel.Cli.Fetch;
using Xunit;

namespace VmChannel.Cli.Tests.Fetch;

public sealed class DebianMirrorTests
{
    [Fact]
    public void OfSources_ListLineWithOptions_YieldsItsUri() =>
        Assert.Equal(
            "http://mirror.example/debian",
            DebianMirror.OfSources(["# a comment", "deb [signed-by=/k.gpg] http://mirror.example/debian/ bookworm main"]));

    [Fact]
    public void OfSources_Stanza_YieldsItsFirstUri() =>
        Assert.Equal(
            "https://mirror.example/pub/debian",
            DebianMirror.OfSources(["Types: deb", "URIs: https://mirror.example/pub/debian http://other.example/debian", "Suites: trixie"]));

    [Theory]
    [InlineData("deb http://archive.ubuntu.com/ubuntu noble main")]
    [InlineData("deb http://deb.debian.org/debian-security bookworm-security main")]
    [InlineData("deb http://snapshot.debian.org/archive/debian/20250520T000000Z bookworm main")]
    [InlineData("deb file:/srv/debian bookworm main")]
    [InlineData("#deb http://mirror.example/debian bookworm main")]
    public void OfSources_NoCompleteDebianArchive_YieldsTheDefault(string line) =>
        Assert.Equal(DebianMirror.Default, DebianMirror.OfSources([line]));
}
