using System.Net;
using System.Net.WebSockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using VmChannel.AspNetCore;

namespace VmChannel.Mux.Tests.Http;

/// <summary>Kestrel at one end of a channel, HttpClient at the other.</summary>
internal sealed class WebRig : IAsyncDisposable
{
    public const int BulkBytes = 64 * 1024 * 1024;

    private readonly HttpMessageHandler _handler;

    private WebRig(Switchboard channel)
    {
        Channel = channel;
        _handler = MuxHttp.CreateHandler(channel.OpenClientAsync);
        Http1 = ClientOf(HttpVersion.Version11);
        Http2 = ClientOf(HttpVersion.Version20);
    }

    public static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public Switchboard Channel { get; }

    public HttpMessageHandler Handler => _handler;

    public HttpClient Http1 { get; }

    public HttpClient Http2 { get; }

    public WebApplication Server { get; private set; } = null!;

    public static async Task<WebRig> StartAsync(bool isSlim = true)
    {
        WebRig rig = new(new Switchboard());
        await rig.StartServerAsync(isSlim);
        return rig;
    }

    public async Task StartServerAsync(bool isSlim = true)
    {
        WebApplicationBuilder builder = isSlim ? WebApplication.CreateSlimBuilder() : WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseVmChannel("test.api", Channel.OpenServerAsync);
        Server = builder.Build();
        Server.UseWebSockets();
        Server.MapGet("/hello", (RequestDelegate)(http => http.Response.WriteAsync($"hello over {http.Request.Protocol}")));
        Server.MapGet("/number/{number}", (RequestDelegate)(http => http.Response.WriteAsync($"{http.Request.RouteValues["number"]}")));
        Server.MapPost("/echo", (RequestDelegate)EchoBodyAsync);
        Server.MapGet("/bulk", (RequestDelegate)SendBulkAsync);
        Server.MapGet("/forever", (RequestDelegate)(async http => await Task.Delay(Timeout.Infinite, http.RequestAborted)));
        Server.MapGet("/connection", (RequestDelegate)(http => http.Response.WriteAsync(http.Features.Get<IConnectionEndPointFeature>()!.LocalEndPoint!.ToString()!)));
        Server.Map("/socket", (RequestDelegate)EchoAsync);
        await Server.StartAsync(Cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        Http1.Dispose();
        Http2.Dispose();
        _handler.Dispose();
        await Server.DisposeAsync();
    }

    private HttpClient ClientOf(Version version) => new(_handler, disposeHandler: false)
    {
        BaseAddress = new Uri("http://guest/"),
        DefaultRequestVersion = version,
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        Timeout = TimeSpan.FromSeconds(60),
    };

    private static async Task SendBulkAsync(HttpContext http)
    {
        byte[] piece = new byte[64 * 1024];
        http.Response.ContentLength = BulkBytes;
        for (int sent = 0; sent < BulkBytes; sent += piece.Length)
        {
            await http.Response.Body.WriteAsync(piece, http.RequestAborted);
        }
    }

    /// <summary>All of it first: HttpClient reads no answer while it sends.</summary>
    private static async Task EchoBodyAsync(HttpContext http)
    {
        using MemoryStream body = new();
        await http.Request.Body.CopyToAsync(body, http.RequestAborted);
        await http.Response.Body.WriteAsync(body.ToArray(), http.RequestAborted);
    }

    private static async Task EchoAsync(HttpContext http)
    {
        using WebSocket socket = await http.WebSockets.AcceptWebSocketAsync();
        byte[] buffer = new byte[4096];
        while (await socket.ReceiveAsync(buffer.AsMemory(), http.RequestAborted) is { MessageType: not WebSocketMessageType.Close } message)
        {
            await socket.SendAsync(buffer.AsMemory(0, message.Count), message.MessageType, message.EndOfMessage, http.RequestAborted);
        }

        await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, http.RequestAborted);
    }
}
