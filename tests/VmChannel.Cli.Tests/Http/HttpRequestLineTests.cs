using VmChannel.Cli.CommandLine;
using VmChannel.Cli.Http;
using Xunit;

namespace VmChannel.Cli.Tests.Http;

public sealed class HttpRequestLineTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Read_EverythingGiven_IsInTheRequest()
    {
        using HttpRequestMessage request = HttpRequestLine.Read("post", "/jobs?now=1", ["X-One: 1", "content-type: text/csv", "Host: web"], "a,b", isHttp2: true);

        Assert.Equal("POST", request.Method.Method);
        Assert.Equal("/jobs?now=1", request.RequestUri!.PathAndQuery);
        Assert.Equal(2, request.Version.Major);
        Assert.Equal("1", Assert.Single(request.Headers.GetValues("X-One")));
        Assert.Equal("web", request.Headers.Host);
        Assert.Equal("text/csv", request.Content!.Headers.ContentType!.MediaType);
        Assert.Equal("a,b", await request.Content.ReadAsStringAsync(Cancellation));
    }

    [Theory]
    [InlineData("{\"a\":1}", "application/json")]
    [InlineData("[1]", "application/json")]
    [InlineData("plain", "application/octet-stream")]
    public void Read_Data_HasAType(string data, string type)
    {
        using HttpRequestMessage request = HttpRequestLine.Read("PUT", "/", [], data, isHttp2: false);

        Assert.Equal(type, request.Content!.Headers.ContentType!.MediaType);
    }

    [Theory]
    [InlineData("GET", "status", null, null)]
    [InlineData("G T", "/", null, null)]
    [InlineData("", "/", null, null)]
    [InlineData("GET", "/", "no colon", null)]
    [InlineData("GET", "/", ": no name", null)]
    [InlineData("GET", "/", "X: a\r\nY: b", null)]
    [InlineData("GET", "/", "bad name: x", null)]
    [InlineData("PUT", "/", null, "@/nowhere/file")]
    public void Read_Nonsense_IsRefused(string method, string path, string? header, string? data)
        => Assert.Throws<UsageException>(() => HttpRequestLine.Read(method, path, header is null ? [] : [header], data, isHttp2: false));
}
