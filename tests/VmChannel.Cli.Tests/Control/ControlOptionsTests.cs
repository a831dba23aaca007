using VmChannel.Cli.CommandLine;
using VmChannel.Cli.Control;
using Xunit;

namespace VmChannel.Cli.Tests.Control;

public sealed class ControlOptionsTests : IDisposable
{
    private readonly string _token = Path.GetTempFileName();

    [Fact]
    public void Read_Nothing_IsTheRuntimeFolderAlone() => Assert.Equal(new ControlPlan(), ControlOptions.Read(null, null, null));

    [Fact]
    public void Read_PathOrNone_IsThat()
    {
        Assert.Equal(new ControlPlan(ControlPlace.Path, "/run/a"), ControlOptions.Read("/run/a", null, null));
        Assert.Equal(new ControlPlan(ControlPlace.None), ControlOptions.Read("none", null, null));
    }

    [Fact]
    public void Read_TcpWithAPrivateToken_HasBoth()
    {
        Write("0123456789abcdef\nrest", UnixFileMode.UserRead | UnixFileMode.UserWrite);

        ControlPlan plan = ControlOptions.Read(null, "localhost:9999", _token);

        Assert.Equal("127.0.0.1:9999", plan.Tcp!.ToString());
        Assert.Equal("0123456789abcdef", plan.Token);
    }

    [Theory]
    [InlineData("127.0.0.1:9999", false, "needs --control-token-file")]
    [InlineData(null, true, "is for --control-tcp")]
    [InlineData("127.0.0.1", true, "an address and a port are needed")]
    [InlineData("example.org:80", true, "an address and a port are needed")]
    public void Read_HalfOfIt_SaysWhatIsMissing(string? tcp, bool hasToken, string reason)
    {
        Write("0123456789abcdef", UnixFileMode.UserRead);

        UsageException refused = Assert.Throws<UsageException>(() => ControlOptions.Read(null, tcp, hasToken ? _token : null));

        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0123456789abcdef", UnixFileMode.UserRead | UnixFileMode.GroupRead, "chmod 600")]
    [InlineData("short", UnixFileMode.UserRead, "16 printable characters")]
    [InlineData("", UnixFileMode.UserRead, "16 printable characters")]
    public void Read_BadTokenFile_SaysWhatToDo(string text, UnixFileMode mode, string reason)
    {
        Write(text, mode);

        UsageException refused = Assert.Throws<UsageException>(() => ControlOptions.Read(null, "127.0.0.1:9999", _token));

        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
    }

    public void Dispose() => File.Delete(_token);

    private void Write(string text, UnixFileMode mode)
    {
        File.WriteAllText(_token, text);
        File.SetUnixFileMode(_token, mode);
    }
}
