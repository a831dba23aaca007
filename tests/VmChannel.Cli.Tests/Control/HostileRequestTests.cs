using System.Net;
using System.Net.Sockets;
using System.Text;
using VmChannel.Cli.Control;
using VmChannel.Control;
using Xunit;

namespace VmChannel.Cli.Tests.Control;

public sealed class HostileRequestTests
{
    private const string Token = "0123456789abcdef0123";
    private static readonly Uri Ports = new("v1/vms/web/ports", UriKind.Relative);

    [Theory]
    [InlineData("", "text/plain", 415)]
    [InlineData("{", "application/json", 400)]
    [InlineData("null", "application/json", 400)]
    [InlineData("{}", "application/json", 400)]
    [InlineData("{\"options\":null}", "application/json", 400)]
    [InlineData("{\"options\":5}", "application/json", 400)]
    [InlineData("{\"options\":\"protocol=test.a\",\"more\":1}", "application/json", 400)]
    [InlineData("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", "application/json", 400)]
    public async Task Plug_BadBody_IsAProblem(string body, string mediaType, int status)
    {
        await using ControlRig rig = new();
        _ = await rig.AddAsync("web");
        using StringContent content = new(body, Encoding.UTF8, mediaType);

        using HttpResponseMessage response = await rig.Http.PostAsync(Ports, content, ControlRig.Cancellation);

        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal(Problem.MediaType, response.Content.Headers.ContentType!.MediaType);
        Assert.Empty(rig.Server.Find("web")!.Ports);
    }

    [Fact]
    public async Task Plug_HugeBody_IsRefused()
    {
        await using ControlRig rig = new();
        _ = await rig.AddAsync("web");
        using StringContent content = new($"{{\"options\":\"{new string('a', 100_000)}\"}}", Encoding.UTF8, "application/json");

        using HttpResponseMessage response = await rig.Http.PostAsync(Ports, content, ControlRig.Cancellation);

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
    }

    [Theory]
    [InlineData("PUT", "v1/vms", "GET")]
    [InlineData("DELETE", "v1/vms/web/ports", "GET, POST")]
    [InlineData("BREW", "v1/server", "GET")]
    public async Task Method_ThatIsNotThere_IsToldWhichAre(string method, string path, string allowed)
    {
        await using ControlRig rig = new();
        using HttpRequestMessage request = new(new HttpMethod(method), path);

        using HttpResponseMessage response = await rig.Http.SendAsync(request, ControlRig.Cancellation);

        Assert.Equal(HttpStatusCode.MethodNotAllowed, response.StatusCode);
        Assert.Equal(allowed.Split(", "), response.Content.Headers.Allow);
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/v1")]
    [InlineData("/v2/vms")]
    [InlineData("/v1/vms/web/ports/1/more")]
    [InlineData("/v1/vms/%2e%2e/%00")]
    public async Task Path_ThatIsNotThere_IsAProblem(string path)
    {
        await using ControlRig rig = new();

        string answer = await SendRawAsync(rig, $"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

        Assert.Matches("^HTTP/1.1 40[04] ", answer);
    }

    [Theory]
    [InlineData("nonsense\r\n\r\n")]
    [InlineData("GET / HTTP/9.9\r\n\r\n")]
    [InlineData("GET /v1/vms HTTP/1.1\r\n\r\n")]
    public async Task Bytes_ThatAreNoRequest_EndTheConnectionAlone(string bytes)
    {
        await using ControlRig rig = new();
        _ = await rig.AddAsync("web");

        string answer = await SendRawAsync(rig, bytes);

        Assert.StartsWith("HTTP/1.1 ", answer, StringComparison.Ordinal);
        Assert.DoesNotContain(" 200 ", answer.Split('\n')[0], StringComparison.Ordinal);
        _ = Assert.Single(await rig.Client.GetVmsAsync(ControlRig.Cancellation));
    }

    [Fact]
    public async Task Header_WithoutEnd_IsRefused()
    {
        await using ControlRig rig = new();

        string answer = await SendRawAsync(rig, $"GET /v1/vms HTTP/1.1\r\nHost: x\r\nX-Long: {new string('a', 40_000)}\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 431 ", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Headers_ThatNeverEnd_AreGivenUp()
    {
        await using ControlRig rig = new();

        // The server hangs up by itself, after about ten seconds.
        string answer = await SendRawAsync(rig, "GET /v1/vms HTTP/1.1\r\nHost: x\r\n");

        Assert.StartsWith("HTTP/1.1 408 ", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tcp_WithoutTheToken_IsRefused()
    {
        await using ControlRig rig = new(new ControlPlan(Tcp: new IPEndPoint(IPAddress.Loopback, 0), Token: Token));
        _ = await rig.AddAsync("web");
        Assert.True(ControlAddress.TryParse($"http://{rig.Listeners.TcpAddress}", out ControlAddress? address, out _));
        foreach (string? wrong in new[] { null, "", Token + "x", Token[..^1] })
        {
            using ControlClient client = new(address, wrong);
            ControlException refused = await Assert.ThrowsAsync<ControlException>(() => client.GetVmsAsync(ControlRig.Cancellation));
            Assert.Equal(401, refused.Problem!.Status);
        }

        using ControlClient right = new(address, Token);
        _ = Assert.Single(await right.GetVmsAsync(ControlRig.Cancellation));
    }

    [Fact]
    public async Task Connections_ManyAtOnce_AreAllAnswered()
    {
        await using ControlRig rig = new();
        _ = await rig.AddAsync("web", "port=1,protocol=test.echo,service=echo");

        IReadOnlyList<PortInfo>[] answers = await Task.WhenAll(
            Enumerable.Range(0, 300).Select(_ => rig.Client.GetPortsAsync("web", ControlRig.Cancellation)));

        Assert.All(answers, ports => Assert.Single(ports));
    }

    private static async Task<string> SendRawAsync(ControlRig rig, string request)
    {
        using Socket socket = await rig.ConnectAsync(ControlRig.Cancellation);
        using NetworkStream stream = new(socket);
        await stream.WriteAsync(Encoding.Latin1.GetBytes(request), ControlRig.Cancellation);
        using StreamReader reader = new(stream, Encoding.Latin1);
        char[] buffer = new char[4096];
        int count = await reader.ReadAsync(buffer, ControlRig.Cancellation);
        return new string(buffer, 0, count);
    }
}
