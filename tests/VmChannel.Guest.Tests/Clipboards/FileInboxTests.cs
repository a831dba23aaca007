using VmChannel.GuestTool.Clipboards;
using VmChannel.Wire.VdAgent;
using Xunit;

namespace VmChannel.Guest.Tests.Clipboards;

public sealed class FileInboxTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("vmchannel-inbox").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("report.pdf", "report.pdf")]
    [InlineData("../../etc/passwd", "passwd")]
    [InlineData("/etc/cron.d/evil", "evil")]
    [InlineData("a\nb\u001b[2J", "a_b_[2J")]
    [InlineData("ü ber.txt", "ü ber.txt")]
    [InlineData("..", null)]
    [InlineData("folder/", null)]
    [InlineData("", null)]
    public void SafeName_IsTheLastPartAlone(string name, string? expected) => Assert.Equal(expected, FileInbox.SafeName(name));

    [Fact]
    public void SafeName_TooLong_IsCutAtACharacter() => Assert.Equal(new string('ü', 100), FileInbox.SafeName(new string('ü', 300)));

    [Fact]
    public void Begin_NameThatIsTaken_GetsANumberAndNothingIsOverwritten()
    {
        File.WriteAllText(Path.Combine(_folder, "a.txt"), "mine");
        _ = File.CreateSymbolicLink(Path.Combine(_folder, "a (1).txt"), Path.Combine(_folder, "elsewhere"));
        using FileInbox inbox = new(_folder);
        Assert.Equal(FileTransferResult.CanSendData, inbox.Begin(new(7, "a.txt", 5)));
        Assert.Null(inbox.Append(7, "hel"u8));
        Assert.Equal(FileTransferResult.Success, inbox.Append(7, "lo"u8));
        Assert.Equal("hello", File.ReadAllText(Path.Combine(_folder, "a (2).txt")));
        Assert.Equal("mine", File.ReadAllText(Path.Combine(_folder, "a.txt")));
        Assert.False(File.Exists(Path.Combine(_folder, "elsewhere")));
    }

    [Fact]
    public void Append_MoreThanWasSaid_IsAnErrorAndNothingStays()
    {
        using FileInbox inbox = new(_folder);
        _ = inbox.Begin(new(7, "a.txt", 2));
        Assert.Equal(FileTransferResult.Error, inbox.Append(7, "long"u8));
        Assert.Empty(Directory.GetFiles(_folder));
        Assert.Null(inbox.Append(7, "more"u8));
    }

    [Fact]
    public void Begin_LongerThanTheDisk_IsRefused()
    {
        using FileInbox inbox = new(_folder);
        Assert.Equal(FileTransferResult.NotEnoughSpace, inbox.Begin(new(7, "a.bin", ulong.MaxValue)));
        Assert.Empty(Directory.GetFiles(_folder));
    }

    [Fact]
    public void Drop_AfterTheFolderHasGone_LeavesNothingToDo()
    {
        string gone = Path.Combine(_folder, "Downloads");
        using FileInbox inbox = new(gone);
        _ = inbox.Begin(new(7, "a.bin", 10));
        _ = inbox.Append(7, "half"u8);
        Directory.Delete(gone, recursive: true);
        inbox.Drop(7);
        Assert.Equal(FileTransferResult.CanSendData, inbox.Begin(new(7, "a.bin", 10)));
    }

    [Fact]
    public void Dispose_WhileAFileComes_RemovesIt()
    {
        using (FileInbox inbox = new(_folder))
        {
            _ = inbox.Begin(new(7, "a.bin", 10));
            _ = inbox.Append(7, "half"u8);
        }

        Assert.Empty(Directory.GetFiles(_folder));
    }
}
