using VmChannel.Cli.CommandLine;
using VmChannel.Cli.Http;
using Xunit;

namespace VmChannel.Cli.Tests.Http;

public sealed class ForwardAddressTests
{
    [Theory]
    [InlineData("8080", "127.0.0.1:8080")]
    [InlineData("0", "127.0.0.1:0")]
    [InlineData("127.0.0.1:80", "127.0.0.1:80")]
    [InlineData("localhost:80", "127.0.0.1:80")]
    [InlineData("0.0.0.0:80", "0.0.0.0:80")]
    [InlineData("[::1]:80", "[::1]:80")]
    [InlineData("unix:/run/api.sock", "/run/api.sock")]
    public void Read_AnAddress_IsIt(string text, string expected)
        => Assert.Equal(expected, ForwardAddress.Read(text).EndPoint.ToString());

    [Theory]
    [InlineData("")]
    [InlineData("web")]
    [InlineData("65536")]
    [InlineData("-1")]
    [InlineData("127.0.0.1:")]
    [InlineData(":80")]
    [InlineData("::1:80")]
    [InlineData("example.com:80")]
    [InlineData("unix:")]
    public void Read_NoAddress_IsRefused(string text)
        => Assert.Contains("forward: ", Assert.Throws<UsageException>(() => ForwardAddress.Read(text)).Message, StringComparison.Ordinal);
}
