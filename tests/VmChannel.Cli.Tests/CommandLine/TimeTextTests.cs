using VmChannel.Cli.CommandLine;
using Xunit;

namespace VmChannel.Cli.Tests.CommandLine;

public sealed class TimeTextTests
{
    [Theory]
    [InlineData("10", 10)]
    [InlineData("10s", 10)]
    [InlineData("500ms", 0.5)]
    [InlineData("1.5m", 90)]
    [InlineData("1h", 3600)]
    public void Read_ATime_IsThat(string text, double seconds)
        => Assert.Equal(TimeSpan.FromSeconds(seconds), TimeText.Read("--for", text, TimeSpan.Zero, TimeSpan.FromHours(1)));

    [Theory]
    [InlineData("")]
    [InlineData("s")]
    [InlineData("-1s")]
    [InlineData("1e3")]
    [InlineData("ten")]
    [InlineData("NaN")]
    [InlineData("2h")]
    [InlineData("50ms")]
    public void Read_SomethingElse_IsRefusedWithTheOption(string text)
    {
        UsageException refused = Assert.Throws<UsageException>(() => TimeText.Read("--for", text, TimeSpan.FromMilliseconds(100), TimeSpan.FromHours(1)));

        Assert.StartsWith($"--for {text}: ", refused.Message, StringComparison.Ordinal);
    }
}
