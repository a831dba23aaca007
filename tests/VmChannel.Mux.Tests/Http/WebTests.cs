using System.Net.WebSockets;
using System.Security.Cryptography;

namespace VmChannel.Mux.Tests.Http;

/// <summary>HTTP between real Kestrel and real HttpClient, over one channel.</summary>
public sealed class WebTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static CancellationToken Cancellation => WebRig.Cancellation;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Get_BothVersionsOnOneChannel_AreAnswered(bool isSlim)
    {
        await using WebRig rig = await WebRig.StartAsync(isSlim);

        Assert.Equal("hello over HTTP/1.1", await rig.Http1.GetStringAsync(Path("hello"), Cancellation));
        Assert.Equal("hello over HTTP/2", await rig.Http2.GetStringAsync(Path("hello"), Cancellation));
        Assert.Equal("vmchannel:test.api (HTTP/1.1)", await rig.Http1.GetStringAsync(Path("connection"), Cancellation));
        Assert.Equal(1, rig.Channel.Openings);
    }

    [Fact]
    public async Task Get_TenThousandInParallelStreams_EachGetsItsAnswer()
    {
        await using WebRig rig = await WebRig.StartAsync();

        await Parallel.ForAsync(0, 10_000, new ParallelOptions { MaxDegreeOfParallelism = 100, CancellationToken = Cancellation }, async (number, token) =>
        {
            string answer = await rig.Http2.GetStringAsync(Path($"number/{number}"), token);
            if (answer != $"{number}")
            {
                Assert.Fail($"{number} got {answer}");
            }
        });
        Assert.Equal(1, rig.Channel.Openings);
    }

    [Fact]
    public async Task Get_HundredsOfConnections_EachGetsItsAnswer()
    {
        await using WebRig rig = await WebRig.StartAsync();

        string[] answers = await Task.WhenAll(Enumerable.Range(0, 300).Select(number => rig.Http1.GetStringAsync(Path($"number/{number}"), Cancellation)));

        Assert.Equal(Enumerable.Range(0, 300).Select(number => $"{number}"), answers);
    }

    [Theory]
    [InlineData("1.1")]
    [InlineData("2.0")]
    public async Task Post_LargeBody_ComesBackWhole(string version)
    {
        await using WebRig rig = await WebRig.StartAsync();
        byte[] sent = RandomNumberGenerator.GetBytes(10_000_000);

        using HttpResponseMessage response = await ClientOf(rig, version).PostAsync(Path("echo"), new ByteArrayContent(sent), Cancellation);

        Assert.Equal(sent, await response.Content.ReadAsByteArrayAsync(Cancellation));
    }

    [Theory]
    [InlineData("1.1")]
    [InlineData("2.0")]
    public async Task Get_SmallOnesBesideADownload_AreAnsweredMeanwhile(string version)
    {
        await using WebRig rig = await WebRig.StartAsync();
        using HttpResponseMessage bulk = await ClientOf(rig, version).GetAsync(Path("bulk"), HttpCompletionOption.ResponseHeadersRead, Cancellation);

        // Nobody reads the download: it fills its windows, and nothing else.
        for (int i = 0; i < 100; i++)
        {
            Assert.Equal($"{i}", await ClientOf(rig, version).GetStringAsync(Path($"number/{i}"), Cancellation).WaitAsync(Patience, Cancellation));
        }

        using Stream body = await bulk.Content.ReadAsStreamAsync(Cancellation);
        byte[] buffer = new byte[64 * 1024];
        long total = 0;
        while (await body.ReadAsync(buffer, Cancellation) is int count and > 0)
        {
            total += count;
        }

        Assert.Equal(WebRig.BulkBytes, total);
    }

    [Fact]
    public async Task WebSocket_Echo_ComesBack()
    {
        await using WebRig rig = await WebRig.StartAsync();
        using ClientWebSocket socket = new();
        using HttpMessageInvoker invoker = new(rig.Handler, disposeHandler: false);
        await socket.ConnectAsync(new Uri("ws://guest/socket"), invoker, Cancellation);

        byte[] buffer = new byte[100];
        for (int i = 0; i < 100; i++)
        {
            await socket.SendAsync("message"u8.ToArray().AsMemory(), WebSocketMessageType.Text, endOfMessage: true, Cancellation);
            ValueWebSocketReceiveResult received = await socket.ReceiveAsync(buffer.AsMemory(), Cancellation);
            Assert.Equal((7, true), (received.Count, received.EndOfMessage));
        }

        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, Cancellation);
    }

    [Fact]
    public async Task Server_StopsWithARequestUnderWay_RequestFailsAndTheNextServerAnswers()
    {
        await using WebRig rig = await WebRig.StartAsync();
        Task<HttpResponseMessage> waiting = rig.Http2.GetAsync(Path("forever"), Cancellation);
        Assert.Equal("hello over HTTP/2", await rig.Http2.GetStringAsync(Path("hello"), Cancellation));

        using (CancellationTokenSource now = new(0))
        {
            await rig.Server.StopAsync(now.Token).WaitAsync(Patience, Cancellation);
        }

        await rig.Server.DisposeAsync();
        _ = await Assert.ThrowsAnyAsync<HttpRequestException>(() => waiting.WaitAsync(Patience, Cancellation));
        await rig.StartServerAsync();
        Assert.Equal("hello over HTTP/2", await rig.Http2.GetStringAsync(Path("hello"), Cancellation).WaitAsync(Patience, Cancellation));
        Assert.Equal(2, rig.Channel.Openings);
    }

    [Fact]
    public async Task Channel_Breaks_NextRequestOpensItAgain()
    {
        await using WebRig rig = await WebRig.StartAsync();
        Assert.Equal("hello over HTTP/1.1", await rig.Http1.GetStringAsync(Path("hello"), Cancellation));

        await rig.Channel.Newest!.DisposeAsync();
        string? answer = null;
        while (answer is null)
        {
            try
            {
                answer = await rig.Http1.GetStringAsync(Path("hello"), Cancellation);
            }
            catch (HttpRequestException)
            {
                // It was on its way when the channel broke.
            }
        }

        Assert.Equal("hello over HTTP/1.1", answer);
        Assert.Equal(2, rig.Channel.Openings);
    }

    [Fact]
    public async Task Get_ChannelCannotBeOpened_SaysWhy()
    {
        using HttpMessageHandler handler = MuxHttp.CreateHandler(_ => throw new IOException("there is no such port"));
        using HttpClient client = new(handler);

        HttpRequestException failed = await Assert.ThrowsAsync<HttpRequestException>(() => client.GetAsync(new Uri("http://guest/"), Cancellation));

        Assert.Contains("there is no such port", failed.ToString(), StringComparison.Ordinal);
    }

    private static HttpClient ClientOf(WebRig rig, string version) => version == "2.0" ? rig.Http2 : rig.Http1;

    private static Uri Path(string path) => new(path, UriKind.Relative);
}
