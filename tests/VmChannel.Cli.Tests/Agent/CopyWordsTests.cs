using VmChannel.Cli.Agent;
using VmChannel.Cli.Client;
using VmChannel.Cli.CommandLine;
using Xunit;

namespace VmChannel.Cli.Tests.Agent;

/// <summary>Files of guests and of this machine as people write them, and how a copy is shown.</summary>
public sealed class CopyWordsTests
{
    [Theory]
    [InlineData("web:/etc/passwd", "web", "/etc/passwd", "passwd")]
    [InlineData(":/tmp/", null, "/tmp/", "")]
    [InlineData(@"win:C:\Users\a.txt", "win", @"C:\Users\a.txt", "a.txt")]
    public void Read_AGuestsFile_HasItsParts(string word, string? vm, string path, string name)
    {
        GuestPath? read = GuestPath.Read(word);
        Assert.Equal(new GuestPath(vm, path), read);
        Assert.Equal(name, read!.FileName);
    }

    [Theory]
    [InlineData("file")]
    [InlineData("./a:b")]
    [InlineData("/a:/b")]
    public void Read_AFileOfThisMachine_IsNone(string word) => Assert.Null(GuestPath.Read(word));

    [Fact]
    public void Read_ARelativePath_SaysWhatIsNeeded()
        => Assert.Contains("absolute", Assert.Throws<UsageException>(() => GuestPath.Read("web:etc")).Message, StringComparison.Ordinal);

    [Fact]
    public void In_AFolder_NamesTheFile()
    {
        Assert.Equal("/tmp/a", new GuestPath("web", "/tmp/").In("a").Path);
        Assert.Equal("/tmp/a", new GuestPath("web", "/tmp").In("a").Path);
    }

    [Fact]
    public void Text_HalfWay_HasHalfABar()
    {
        string text = CopyProgress.Text("big", 32 << 20, 64 << 20, TimeSpan.FromSeconds(2));
        Assert.Contains("big: [###############...............] 50% of 64", text, StringComparison.Ordinal);
        Assert.EndsWith(", 16 MiB/s", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Text_OfAFileThatGrows_NeverPassesAll()
        => Assert.Contains("100%", CopyProgress.Text("log", 200, 100, TimeSpan.FromSeconds(1)), StringComparison.Ordinal);
}
