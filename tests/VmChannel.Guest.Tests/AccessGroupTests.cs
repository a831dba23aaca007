using VmChannel.Native;
using Xunit;

namespace VmChannel.Guest.Tests;

public sealed class AccessGroupTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    [Theory]
    [InlineData("root:x:0:\nvmchannel:x:990:ann,bob\n", 990, "ann bob")]
    [InlineData("vmchannel:x:990:", 990, "")]
    public void Read_GroupThere_HasNumberAndMembers(string text, int id, string members)
    {
        File.WriteAllText(_file, text);
        AccessGroup group = Assert.IsType<AccessGroup>(AccessGroup.Read(_file));

        Assert.Equal((uint)id, group.Id);
        Assert.Equal(members, string.Join(' ', group.Members));
    }

    [Theory]
    [InlineData("")]
    [InlineData("vmchannels:x:990:\n")]
    [InlineData("vmchannel:x:many:\n")]
    [InlineData("vmchannel:x\n")]
    public void Read_NoSuchGroup_Null(string text)
    {
        File.WriteAllText(_file, text);

        Assert.Null(AccessGroup.Read(_file));
        Assert.Null(AccessGroup.Read(_file + ".absent"));
    }

    [Fact]
    public void GroupOf_AFile_IsTheOneThatWasGiven()
    {
        Assert.True(FileOwnership.CheckReadAndWrite(_file).IsSuccess);
        Assert.Equal(Errno.NotFound, FileOwnership.CheckReadAndWrite(_file + ".absent").Error);
        Assert.NotNull(FileOwnership.GroupOf(_file));
        Assert.Null(FileOwnership.GroupOf(_file + ".absent"));
    }
}
