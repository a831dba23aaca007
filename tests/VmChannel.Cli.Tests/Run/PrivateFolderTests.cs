using VmChannel.Cli.Run;
using Xunit;

namespace VmChannel.Cli.Tests.Run;

public sealed class PrivateFolderTests
{
    /// <summary>Each removes what killed runs have left, and must not take a folder for such that is being made.</summary>
    [Fact]
    public void Create_SeveralAtTheSameTime_EachHasItsOwn()
    {
        _ = Parallel.For(0, 100, new() { MaxDegreeOfParallelism = 8, CancellationToken = TestContext.Current.CancellationToken }, _ =>
        {
            using PrivateFolder folder = PrivateFolder.Create(isTerminal: false);
            Assert.Equal([folder.File("lock")], Directory.GetFileSystemEntries(folder.Path));
        });
    }
}
