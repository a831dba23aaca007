using System.Net.WebSockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using VmChannel.AspNetCore;
using VmChannel.Guest;
using VmChannel.Mux;
using VmChannel.Samples.Greeting;

// VmChannel.WebGuest CHANNEL HOST-CHANNEL: serves the first, and calls the host on the second when it is asked to.
string hostChannel = args[1];
WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
builder.WebHost.UseVmChannel(args[0]);
builder.Services.AddGrpc();
WebApplication app = builder.Build();
app.UseWebSockets();
app.MapGrpcService<GreeterService>();
app.MapGet("/number/{number}", (RequestDelegate)(http => http.Response.WriteAsync($"{http.Request.RouteValues["number"]} over {http.Request.Protocol}")));
app.MapGet("/header/{name}", (RequestDelegate)(http => http.Response.WriteAsync($"{http.Request.Headers[(string)http.Request.RouteValues["name"]!]}")));
app.MapGet("/process", (RequestDelegate)(http => http.Response.WriteAsync($"{Environment.ProcessId} on {Environment.MachineName}")));
app.MapGet("/bulk/{bytes}", (RequestDelegate)SendBulkAsync);
app.MapGet("/exit", (RequestDelegate)(_ =>
{
    Environment.Exit(3); // at once, with everything under way
    return Task.CompletedTask;
}));
app.MapGet("/forever", (RequestDelegate)(http => Task.Delay(Timeout.Infinite, http.RequestAborted)));
app.MapGet("/host", (RequestDelegate)CallHostAsync);
app.Map("/socket", (RequestDelegate)EchoAsync);
await app.RunAsync();

static async Task SendBulkAsync(HttpContext http)
{
    byte[] piece = new byte[64 * 1024];
    long left = long.Parse((string)http.Request.RouteValues["bytes"]!, System.Globalization.CultureInfo.InvariantCulture);
    http.Response.ContentLength = left;
    for (; left > 0; left -= Math.Min(left, piece.Length))
    {
        await http.Response.Body.WriteAsync(piece.AsMemory(0, (int)Math.Min(left, piece.Length)), http.RequestAborted);
    }
}

static async Task EchoAsync(HttpContext http)
{
    using WebSocket socket = await http.WebSockets.AcceptWebSocketAsync();
    byte[] buffer = new byte[4096];
    while (await socket.ReceiveAsync(buffer.AsMemory(), http.RequestAborted) is { MessageType: not WebSocketMessageType.Close } message)
    {
        await socket.SendAsync(buffer.AsMemory(0, message.Count), message.MessageType, message.EndOfMessage, http.RequestAborted);
    }

    await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, http.RequestAborted);
}

async Task CallHostAsync(HttpContext http)
{
    using HttpMessageHandler handler = MuxHttp.CreateHandler(async cancellationToken => await VmChannels.OpenAsync(hostChannel, cancellationToken: cancellationToken));
    using HttpClient host = new(handler);
    await http.Response.WriteAsync(await host.GetStringAsync(new Uri("http://host/greeting"), http.RequestAborted));
}
