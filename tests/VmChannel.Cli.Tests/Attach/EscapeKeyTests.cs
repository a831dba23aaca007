using VmChannel.Cli.Attach;
using VmChannel.Cli.CommandLine;
using Xunit;

namespace VmChannel.Cli.Tests.Attach;

public sealed class EscapeKeyTests
{
    [Theory]
    [InlineData("^]", 0x1d, "Ctrl-]")]
    [InlineData("^a", 1, "Ctrl-A")]
    [InlineData("^@", 0, "Ctrl-@")]
    [InlineData("^?", 0x7f, "Backspace")]
    [InlineData("~", 0x7e, "~")]
    [InlineData("^", 0x5e, "^")]
    public void Read_AKey_IsItsByte(string text, byte code, string name) => Assert.Equal(new EscapeKey(code, name), EscapeKey.Read(text));

    [Fact]
    public void Read_None_IsNoKey() => Assert.Null(EscapeKey.Read("none"));

    [Theory]
    [InlineData("")]
    [InlineData("^1")]
    [InlineData("ab")]
    [InlineData("é")]
    public void Read_SomethingElse_IsRefused(string text) => Assert.Throws<UsageException>(() => EscapeKey.Read(text));
}
