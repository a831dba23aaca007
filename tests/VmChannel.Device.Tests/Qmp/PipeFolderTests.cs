using VmChannel.Device.Qmp;
using VmChannel.Native;
using Xunit;

namespace VmChannel.Device.Tests.Qmp;

/// <summary>The folder of pipes, when somebody else was there first.</summary>
public sealed class PipeFolderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("vmt").FullName;
    private readonly string _path;
    private readonly PipeFolder _pipes;

    public PipeFolderTests()
    {
        string monitor = Path.Combine(_folder, "qmp.sock");
        _path = monitor + ".vmchannel";
        Assert.True(UnixAddress.TryCreate(monitor, isAbstract: false, isTight: true, out UnixAddress? address, out _));
        _pipes = new PipeFolder(address);
    }

    [Fact]
    public void Open_WhereNothingIs_MakesItForItsUserAlone()
    {
        _pipes.Open();
        Assert.Null(FileOwnership.WhyNotPrivate(_path));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(_path));
    }

    [Fact]
    public void Open_OfASymbolicLink_IsRefusedAndNothingIsPutThere()
    {
        string elsewhere = Directory.CreateDirectory(
            Path.Combine(_folder, "elsewhere"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute).FullName;
        _ = Directory.CreateSymbolicLink(_path, elsewhere);
        Assert.Equal($"{_path} is a symbolic link: remove it", Assert.Throws<IOException>(_pipes.Open).Message);
        Assert.Empty(Directory.EnumerateFileSystemEntries(elsewhere));
    }

    [Fact]
    public void Open_OfAFolderForAll_IsRefusedAlsoWithALockFromBefore()
    {
        _ = Directory.CreateDirectory(_path);
        File.WriteAllText(Path.Combine(_path, "lock"), "");
        File.SetUnixFileMode(_path, (UnixFileMode)0x1FF);
        Assert.Contains("is open to other users", Assert.Throws<IOException>(_pipes.Open).Message, StringComparison.Ordinal);
    }

    /// <summary>As when all that belonged to a VM is removed before its server is told to end.</summary>
    [Fact]
    public void Dispose_AfterItHasGone_LeavesNothingToDo()
    {
        _pipes.Open();
        Directory.Delete(_path, recursive: true);
        _pipes.Remove(new(1, "org.test.one"));
        _pipes.Dispose();
        Assert.False(Directory.Exists(_path));
    }

    [Fact]
    public void WhyNotPrivate_OfAnothersFolder_SaysWhose()
        => Assert.Contains(
            FileOwnership.EffectiveUser == 0 ? "is open to other users" : "belongs to another user (uid 0)", FileOwnership.WhyNotPrivate("/usr"), StringComparison.Ordinal);

    public void Dispose()
    {
        _pipes.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
