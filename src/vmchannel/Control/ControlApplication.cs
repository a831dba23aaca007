using System.Net.Sockets;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Microsoft.Net.Http.Headers;
using VmChannel.Cli.Metrics;
using VmChannel.Cli.Serve;
using VmChannel.Control;

namespace VmChannel.Cli.Control;

/// <summary>Finds the operation a request asks for, and runs it.</summary>
/// <param name="server">What requests are about.</param>
/// <param name="token">What requests over TCP have to show; null refuses them all.</param>
/// <param name="metrics">What is counted.</param>
/// <param name="log">Defects.</param>
/// <param name="stopping">The server ends.</param>
internal sealed partial class ControlApplication(
    Server server, BearerToken? token, ServerMetrics metrics, ILogger log, CancellationToken stopping)
    : IHttpApplication<HttpContext>
{
    private static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(30);

    public HttpContext CreateContext(IFeatureCollection contextFeatures) => new DefaultHttpContext(contextFeatures);

    public void DisposeContext(HttpContext context, Exception? exception)
    {
    }

    public async Task ProcessRequestAsync(HttpContext context)
    {
        ControlRoute? route = null;
        metrics.Api.Begin();
        try
        {
            Authorize(context);
            route = FindRoute(context, out IReadOnlyDictionary<string, string> values);
            using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
            if (route.IsShort)
            {
                limit.CancelAfter(TimeLimit);
            }

            await route.Handler(new ControlCall(context, route, values, server, metrics, limit.Token));
        }
        catch (Exception) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody waits for an answer.
        }
        catch (Exception e)
        {
            Problem? problem = Problems.Describe(e);
            if (problem is null)
            {
                LogDefect(context.Request.Method, e);
            }

            await Problems.WriteAsync(context, problem ?? new Problem("a defect", StatusCodes.Status500InternalServerError, "a defect in vmchannel: see its log"));
        }
        finally
        {
            metrics.Api.End(context.Request.Method, route?.Pattern, context.Response.StatusCode);
        }
    }

    /// <summary>A unix socket's mode says who may connect; over TCP anybody may.</summary>
    private void Authorize(HttpContext context)
    {
        if (context.Features.Get<IConnectionSocketFeature>()?.Socket.AddressFamily != AddressFamily.Unix
            && token?.IsShownBy(context.Request.Headers.Authorization) != true)
        {
            context.Response.Headers.WWWAuthenticate = "Bearer";
            throw new ProblemException(
                StatusCodes.Status401Unauthorized, "no token", "send Authorization: Bearer with the token of --control-token-file");
        }
    }

    private static ControlRoute FindRoute(HttpContext context, out IReadOnlyDictionary<string, string> values)
    {
        string path = context.Request.Path.Value ?? "";
        string[] segments = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        List<string> methods = [];
        foreach (ControlRoute route in ControlRoutes.All)
        {
            if (route.Match(segments) is not Dictionary<string, string> matched)
            {
                continue;
            }

            if (route.Method == context.Request.Method)
            {
                values = matched;
                return route;
            }

            methods.Add(route.Method);
        }

        if (methods.Count == 0)
        {
            throw new ProblemException(StatusCodes.Status404NotFound, "no such path", $"{path} is not part of this API: see /v1/openapi.json");
        }

        context.Response.Headers[HeaderNames.Allow] = string.Join(", ", methods);
        throw new ProblemException(
            StatusCodes.Status405MethodNotAllowed, "no such method", $"{path} has no {context.Request.Method}, but {string.Join(", ", methods)}");
    }

    [LoggerMessage(130, LogLevel.Error, "defect in the control API ({Method}): please report this")]
    private partial void LogDefect(string method, Exception exception);
}
