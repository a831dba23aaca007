using VmChannel.Cli.Metrics;

namespace VmChannel.Cli.Control;

/// <summary><c>GET /metrics</c>: what the meter says now, for Prometheus.</summary>
internal static class MetricsRoute
{
    public static async Task HandleAsync(ControlCall call)
    {
        call.Http.Response.ContentType = PrometheusText.ContentType;
        await PrometheusScrape.WriteAsync(call.Metrics.Meter, call.Http.Response.BodyWriter, call.Cancellation);
    }
}
