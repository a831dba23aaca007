using VmChannel.Cli.Agent;
using VmChannel.Native;
using Xunit;

namespace VmChannel.Cli.Tests.Agent;

public sealed class CopyTargetTests : IDisposable
{
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly string _folder = Directory.CreateTempSubdirectory("vmchannel-copy-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Pipe_IsWrittenAndStays()
    {
        string pipe = At("pipe");
        NamedPipe.Create(pipe, 0b110_000_000).OrThrow("make a pipe");
        Task<string> reading = Task.Run(() => File.ReadAllText(pipe), Cancellation);
        await CopyAsync(pipe, "over");
        Assert.Equal("over", await reading);
        Assert.Equal(FileKind.Fifo, KindOf(pipe));
        Assert.Equal([pipe], Directory.GetFiles(_folder));
    }

    [Fact]
    public async Task Device_BehindALink_IsWrittenAndTheLinkStays()
    {
        string link = At("null");
        File.CreateSymbolicLink(link, "/dev/null");
        await CopyAsync(link, "over");
        Assert.Equal("/dev/null", new FileInfo(link).LinkTarget);
        Assert.Equal(FileKind.CharacterDevice, KindOf("/dev/null"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Link_Stays_AndWhatItLeadsToIsWritten(bool isThere)
    {
        string folder = Directory.CreateDirectory(At("folder")).FullName;
        string file = Path.Combine(folder, "file");
        if (isThere)
        {
            await File.WriteAllTextAsync(file, "before", Cancellation);
        }

        string link = At("link");
        File.CreateSymbolicLink(link, "folder/file");
        await CopyAsync(link, "over");
        Assert.Equal("folder/file", new FileInfo(link).LinkTarget);
        Assert.Equal("over", await File.ReadAllTextAsync(file, Cancellation));
        Assert.Equal([file], Directory.GetFiles(folder));
    }

    [Fact]
    public async Task File_ThatIsNew_GetsTheMode()
    {
        await CopyAsync(At("file"), "over");
        Assert.Equal("over", await File.ReadAllTextAsync(At("file"), Cancellation));
        Assert.Equal(Mode, File.GetUnixFileMode(At("file")));
    }

    [Fact]
    public async Task File_ThatIsNotFinished_LeavesWhatWasThere()
    {
        string file = At("file");
        await File.WriteAllTextAsync(file, "before", Cancellation);
        await using (CopyTarget target = await CopyTarget.OpenAsync(file, Mode, Cancellation))
        {
            await target.Content.WriteAsync("half"u8.ToArray(), Cancellation);
        }

        Assert.Equal("before", await File.ReadAllTextAsync(file, Cancellation));
        Assert.Equal([file], Directory.GetFiles(_folder));
    }

    [Fact]
    public async Task File_OfAnotherThatHasTheNameBeside_IsKept()
    {
        string other = At($"file.{Environment.ProcessId}.unfinished");
        await File.WriteAllTextAsync(other, "kept", Cancellation);
        _ = await Assert.ThrowsAsync<IOException>(() => CopyAsync(At("file"), "over"));
        Assert.Equal("kept", await File.ReadAllTextAsync(other, Cancellation));
    }

    private string At(string name) => Path.Combine(_folder, name);

    private static async Task CopyAsync(string path, string text)
    {
        await using CopyTarget target = await CopyTarget.OpenAsync(path, Mode, Cancellation);
        await target.Content.WriteAsync(System.Text.Encoding.UTF8.GetBytes(text), Cancellation);
        await target.FinishAsync();
    }

    private static FileKind KindOf(string path)
    {
        FileDescriptor.Open(path, OpenFlags.PathOnly, 0, out FileDescriptor? descriptor).OrThrow("open");
        using (descriptor)
        {
            return descriptor!.Kind();
        }
    }
}
