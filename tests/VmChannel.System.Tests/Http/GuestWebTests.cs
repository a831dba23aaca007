using System.Globalization;
using System.Net;
using System.Net.WebSockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using VmChannel.AspNetCore;
using VmChannel.Control;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Http;

/// <summary>Kestrel in a real guest and HttpClient here, over one port of virtio-serial.</summary>
[Collection(typeof(WebGuestTests))]
public sealed class GuestWebTests(WebMachine machine)
{
    private const int Failure = 1;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Get_TenThousandInParallelStreamsBesideADownload_EachGetsItsAnswer()
    {
        const long BulkBytes = 64 << 20;
        using HttpMessageHandler handler = machine.Handler();
        using HttpClient client = WebMachine.ClientOf(handler, HttpVersion.Version20);
        Task<long> bulk = CountAsync(client, BulkBytes);

        await Parallel.ForAsync(0, 10_000, new ParallelOptions { MaxDegreeOfParallelism = 64, CancellationToken = Cancellation }, async (number, token) =>
        {
            string answer = await client.GetStringAsync(Path($"number/{number}"), token);
            if (answer != $"{number} over HTTP/2")
            {
                Assert.Fail($"{number} got {answer}");
            }
        });
        Assert.Equal(BulkBytes, await bulk);
    }

    [Fact]
    public async Task Get_OverHttp1AndWebSocket_Work()
    {
        using HttpMessageHandler handler = machine.Handler();
        using HttpClient client = WebMachine.ClientOf(handler, HttpVersion.Version11);
        string[] answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(number => client.GetStringAsync(Path($"number/{number}"), Cancellation)));
        Assert.Equal(Enumerable.Range(0, 50).Select(number => $"{number} over HTTP/1.1"), answers);

        using ClientWebSocket socket = new();
        using HttpMessageInvoker invoker = new(handler, disposeHandler: false);
        await socket.ConnectAsync(new Uri("ws://guest/socket"), invoker, Cancellation);
        byte[] buffer = new byte[100];
        for (int i = 0; i < 20; i++)
        {
            await socket.SendAsync("message"u8.ToArray().AsMemory(), WebSocketMessageType.Text, endOfMessage: true, Cancellation);
            Assert.Equal(7, (await socket.ReceiveAsync(buffer.AsMemory(), Cancellation)).Count);
        }

        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, Cancellation);
    }

    [Fact]
    public async Task Grpc_SampleClient_TalksBothWays()
    {
        await using HostProcess client = HostProcess.Start(
            ["dotnet", WebMachine.Program("samples/grpc-client"), WebMachine.Vm, WebMachine.Api],
            start => start.Environment["XDG_RUNTIME_DIR"] = machine.Serve.Runtime);
        client.Input.Close();

        int code = await client.Ended.WaitAsync(Patience.Short, Cancellation);
        Assert.True(code == 0, client.Errors.ToString());
        Assert.Equal(["Hello host, from vmchannel", "Hello Ada", "Hello Grace", "Hello Barbara"], client.Output.All);
    }

    [Fact]
    public async Task Guest_CallsAServerOfTheHost_IsAnswered()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseVmChannel(WebMachine.Host, token => VmPort.OpenAsync(machine.Serve.Control, WebMachine.Vm, WebMachine.Host, token));
        await using WebApplication host = builder.Build();
        host.MapGet("/greeting", (RequestDelegate)(http => http.Response.WriteAsync("the host greets the guest")));
        await host.StartAsync(Cancellation);
        using HttpMessageHandler handler = machine.Handler();
        using HttpClient client = WebMachine.ClientOf(handler, HttpVersion.Version11);

        Assert.Equal("the host greets the guest", await client.GetStringAsync(Path("host"), Cancellation));
        Assert.Equal("the host greets the guest", await client.GetStringAsync(Path("host"), Cancellation));
    }

    [Fact]
    public async Task Agent_EndsWithRequestsUnderWay_NextOneAnswers()
    {
        using HttpMessageHandler handler = machine.Handler();
        using HttpClient client = WebMachine.ClientOf(handler, HttpVersion.Version20);
        string before = await client.GetStringAsync(Path("process"), Cancellation);
        Task<string> forever = client.GetStringAsync(Path("forever"), Cancellation);
        Task<long> bulk = CountAsync(client, 1L << 40);

        _ = await Assert.ThrowsAnyAsync<HttpRequestException>(() => client.GetStringAsync(Path("exit"), Cancellation).WaitAsync(Patience.Short, Cancellation));

        _ = await Assert.ThrowsAnyAsync<Exception>(() => forever.WaitAsync(Patience.Short, Cancellation));
        _ = await Assert.ThrowsAnyAsync<Exception>(() => bulk.WaitAsync(Patience.Short, Cancellation));
        Assert.NotEqual(before, await client.GetStringAsync(Path("process"), Cancellation));
    }

    [Fact]
    public async Task Client_LeavesInTheMiddleOfADownload_NextOneIsServed()
    {
        for (int i = 0; i < 5; i++)
        {
            using HttpMessageHandler handler = machine.Handler();
            using HttpClient client = WebMachine.ClientOf(handler, HttpVersion.Version20);
            using HttpResponseMessage bulk = await client.GetAsync(Path($"bulk/{1L << 40}"), HttpCompletionOption.ResponseHeadersRead, Cancellation);
            using Stream body = await bulk.Content.ReadAsStreamAsync(Cancellation);
            await body.ReadExactlyAsync(new byte[1_000_000], Cancellation);
            Assert.Equal($"{i} over HTTP/2", await client.GetStringAsync(Path($"number/{i}"), Cancellation));
        }
    }

    [Fact]
    public async Task Http_Verb_PrintsAnswersAndSaysWhatIsWrong()
    {
        string[] of = ["http", WebMachine.Vm, WebMachine.Api];
        Assert.Equal((0, "7 over HTTP/1.1", ""), await machine.Serve.CommandAsync([.. of, "GET", "/number/7"]));
        Assert.Equal((0, "8 over HTTP/2", ""), await machine.Serve.CommandAsync([.. of, "GET", "/number/8", "--http2"]));
        Assert.Equal((0, "blue", ""), await machine.Serve.CommandAsync([.. of, "GET", "/header/X-Colour", "-H", "X-Size: big", "-H", "X-Colour: blue"]));
        (int code, string output, string errors) = await machine.Serve.CommandAsync([.. of, "GET", "/nothing", "--include"]);
        Assert.Equal(Failure, code);
        Assert.StartsWith("HTTP/1.1 404 Not Found\n", output, StringComparison.Ordinal);
        Assert.Contains("GET /nothing: the server answered 404 Not Found", errors, StringComparison.Ordinal);

        // Somebody else has the port.
        using HttpMessageHandler handler = machine.Handler();
        using HttpClient client = WebMachine.ClientOf(handler, HttpVersion.Version11);
        _ = await client.GetStringAsync(Path("number/1"), Cancellation);
        (code, _, errors) = await machine.Serve.CommandAsync([.. of, "GET", "/number/9"]);
        Assert.Equal(Failure, code);
        Assert.Contains($"process {Environment.ProcessId}", errors, StringComparison.Ordinal);

        // Nobody is at this port in the guest.
        (code, _, errors) = await machine.Serve.CommandAsync("http", WebMachine.Vm, WebMachine.Host, "GET", "/", "--timeout", "500ms");
        Assert.Equal(Failure, code);
        Assert.Contains("no program in the guest has the port open", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Forward_Verb_GivesCurlTheGuestsServerAndStopsCleanly()
    {
        await using HostProcess forward = HostProcess.Start(
            [Executables.VmChannel, "forward", "0", WebMachine.Vm, WebMachine.Api, "-v"], start => start.Environment["XDG_RUNTIME_DIR"] = machine.Serve.Runtime);
        string line = await forward.Output.WaitForNextAsync(0).WaitAsync(Patience.Short, Cancellation);
        string url = line.Split(' ')[0];
        Assert.Equal($"{url} -> device port 1 (test.api)", line);

        await using HostProcess curl = await HostProcess.RunAsync("curl", "--silent", "--show-error", $"{url}number/5", $"{url}bulk/3000000", "--output", "/dev/stdout", "--output", "/dev/null");
        Assert.True(await curl.Ended == 0, curl.Errors.ToString());
        Assert.Equal("5 over HTTP/1.1", curl.Output.ToString());
        using HttpClient client = new() { BaseAddress = new Uri(url) };
        string[] answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(number => client.GetStringAsync(Path($"number/{number}"), Cancellation)));
        Assert.Equal(Enumerable.Range(0, 20).Select(number => $"{number} over HTTP/1.1"), answers);

        forward.Signal(PosixSignalNumber.Terminate);
        Assert.Equal(0, await forward.Ended.WaitAsync(Patience.Short, Cancellation));
        await Patience.UntilAsync(() => forward.Errors.Contains("bytes from the guest"), () => forward.Errors.ToString());
    }

    private static async Task<long> CountAsync(HttpClient client, long bytes)
    {
        using HttpResponseMessage response = await client.GetAsync(
            Path(string.Create(CultureInfo.InvariantCulture, $"bulk/{bytes}")), HttpCompletionOption.ResponseHeadersRead, Cancellation);
        using Stream body = await response.Content.ReadAsStreamAsync(Cancellation);
        byte[] buffer = new byte[64 * 1024];
        long total = 0;
        while (await body.ReadAsync(buffer, Cancellation) is int count and > 0)
        {
            total += count;
        }

        return total;
    }

    private static Uri Path(string path) => new(path, UriKind.Relative);
}
