using VmChannel.Native;
using Xunit;

namespace VmChannel.Cli.Tests.Config;

/// <summary>sd_listen_fds(3).</summary>
public sealed class ActivatedSocketsTests
{
    private const int Pid = 77;

    [Theory]
    [InlineData("77", "2", "web:db", new[] { "web", "db" })]
    [InlineData("77", "2", null, new[] { "unknown", "unknown" })]
    [InlineData("77", "2", "web", new[] { "web", "unknown" })]
    [InlineData("77", "2", ":db", new[] { "unknown", "db" })]
    [InlineData("78", "2", "web:db", new string[0])]
    [InlineData(null, "2", "web:db", new string[0])]
    [InlineData("77", null, "web:db", new string[0])]
    [InlineData("77", "-1", "web:db", new string[0])]
    [InlineData("77", "99999999", "web:db", new string[0])]
    [InlineData("seven", "two", "web:db", new string[0])]
    public void Parse_Environment_IsReadAsSystemdMeansIt(string? pid, string? count, string? names, string[] expected)
        => Assert.Equal(expected, ActivatedSockets.Parse(pid, count, names, Pid).Names);

    [Fact]
    public void TryFind_SecondOfTwo_IsDescriptor4()
    {
        Assert.True(ActivatedSockets.Parse("77", "2", "web:db", Pid).TryFind("db", out int number, out _));
        Assert.Equal(4, number);
    }

    [Theory]
    [InlineData("0", "", "start the .socket unit, not the service alone")]
    [InlineData("2", "web:db", "but web, db: set FileDescriptorName=other in the .socket unit")]
    [InlineData("2", "other:other", "2 sockets of this name")]
    public void TryFind_NotExactlyOne_SaysWhatToDo(string count, string names, string expected)
    {
        Assert.False(ActivatedSockets.Parse("77", count, names, Pid).TryFind("other", out _, out string? reason));
        Assert.Contains(expected, reason, StringComparison.Ordinal);
    }
}
