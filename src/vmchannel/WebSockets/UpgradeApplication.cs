using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.WebSockets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;
using VmChannel.Device.Chardevs.WebSockets;

namespace VmChannel.Cli.WebSockets;

/// <summary>Answers a request on a <see cref="HandedConnection"/>: with a WebSocket, or with what is wrong with it.</summary>
internal sealed class UpgradeApplication : IHttpApplication<HttpContext>
{
    private readonly WebSocketMiddleware _handshake = new(
        AnswerAsync,
        Options.Create(new Microsoft.AspNetCore.Builder.WebSocketOptions { KeepAliveInterval = IWebSocketLayer.KeepAliveInterval }),
        NullLoggerFactory.Instance);

    public HttpContext CreateContext(IFeatureCollection contextFeatures) => new DefaultHttpContext(contextFeatures);

    public Task ProcessRequestAsync(HttpContext context) => _handshake.Invoke(context);

    public void DisposeContext(HttpContext context, Exception? exception)
    {
    }

    private static async Task AnswerAsync(HttpContext context)
    {
        HandedConnection connection = context.Features.GetRequiredFeature<HandedConnection>();
        if (FindFault(context, connection.Spec, out int status) is string fault)
        {
            context.Response.StatusCode = status;
            context.Response.Headers.Connection = "close";
            await context.Response.WriteAsync($"{fault}\n");
            await context.Response.CompleteAsync();

            // Closes the connection, so the answer comes first.
            connection.Refuse(fault);
            return;
        }

        bool offers = context.WebSockets.WebSocketRequestedProtocols.Contains(WebSocketSpec.Protocol);
        connection.Accept(await context.WebSockets.AcceptWebSocketAsync(offers ? WebSocketSpec.Protocol : null));
        await connection.Released;
    }

    private static string? FindFault(HttpContext context, WebSocketSpec spec, out int status)
    {
        if (!context.WebSockets.IsWebSocketRequest)
        {
            status = StatusCodes.Status426UpgradeRequired;
            context.Response.Headers.Upgrade = "websocket";
            return "only WebSockets are served here";
        }

        if (spec.Path is not null && context.Request.Path != spec.Path)
        {
            status = StatusCodes.Status404NotFound;
            return "no channel has this path";
        }

        status = StatusCodes.Status403Forbidden;
        string? origin = context.Request.Headers.ContainsKey(HeaderNames.Origin) ? context.Request.Headers.Origin.ToString() : null;
        return spec.Allows(origin, context.Request.Host.Value ?? "") ? null : "pages of this origin may not connect: origin= says which may";
    }
}
