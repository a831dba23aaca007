using System.Net.Mime;
using Microsoft.AspNetCore.Http;
using VmChannel.Cli.Metrics;
using VmChannel.Cli.Serve;
using VmChannel.Control;
using VmChannel.Device.Options;
using VmChannel.Device.Services;

namespace VmChannel.Cli.Control;

/// <summary>All operations of the control API.</summary>
internal static class ControlRoutes
{
    private const string Document = "openapi.json";

    /// <summary>In the order in which the document shows them.</summary>
    public static IReadOnlyList<ControlRoute> All { get; } =
    [
        ControlRoute.Json(
            "GET", "/v1/server", "The server process.", ControlJson.Default.ServerInfo, call => Now(ServerView.Of(call.Server))),
        ControlRoute.View<Server, IReadOnlyList<VmInfo>>(
            "/v1/vms", "All VMs.", ControlJson.Default.IReadOnlyListVmInfo, call => call.Server, server => [.. server.Vms.Select(VmView.Of)]),
        ControlRoute.Json("GET", "/v1/vms/{vm}", "A VM in a few words.", ControlJson.Default.VmInfo, call => Now(VmView.Of(call.Vm))),
        ControlRoute.View(
            "/v1/vms/{vm}/inspect", "All that is known about a VM.", ControlJson.Default.VmInspection, call => call.Vm, VmView.Inspect),
        ControlRoute.View(
            "/v1/vms/{vm}/doctor", "What is wrong with a VM's channels, and what to do about it.", ControlJson.Default.VmDiagnosis, call => call.Vm,
            DiagnosisView.Of),
        ControlRoute.View<VmHost, IReadOnlyList<PortInfo>>(
            "/v1/vms/{vm}/ports", "A VM's ports.", ControlJson.Default.IReadOnlyListPortInfo, call => call.Vm, vm => [.. vm.Ports.Select(PortView.Of)]),
        ControlRoute.Json("POST", "/v1/vms/{vm}/ports", "Plugs a port in.", ControlJson.Default.PortInfo, PlugAsync) with
        {
            Body = ControlJson.Default.OptionsRequest,
            Status = StatusCodes.Status201Created,
        },
        ControlRoute.Json(
            "GET", "/v1/vms/{vm}/ports/{port}", "A port.", ControlJson.Default.PortInfo, call => Now(PortView.Of(call.Port))),
        ControlRoute.Json("DELETE", "/v1/vms/{vm}/ports/{port}", "Takes a port out; the answer is how it was.", ControlJson.Default.PortInfo, UnplugAsync),
        ControlRoute.Json(
            "PATCH", "/v1/vms/{vm}/ports/{port}", "Changes a port's host end, limits or policy.", ControlJson.Default.PortInfo, ChangeAsync) with
        {
            Body = ControlJson.Default.OptionsRequest,
        },
        new ControlRoute
        {
            Method = "GET",
            Pattern = "/v1/vms/{vm}/ports/{port}/attach",
            Summary = "Becomes a client of a port: a WebSocket whose messages are the bytes; an empty one ends what its sender sends.",
            Query =
            [
                ("access", "shared (the default): writes while nobody else holds the port; writer: always writes; observer: only reads; "
                    + "queued: waits until nobody else holds the port, and has it alone."),
                ("until", "port-end (the default): stays until the port is unplugged; guest-close: until the guest's program closes the port, "
                    + $"which is close code 1001 with the reason \"{AttachedPort.GuestClosed}\"."),
            ],
            Status = StatusCodes.Status101SwitchingProtocols,
            IsShort = false,
            Handler = AttachRoute.HandleAsync,
        },
        new ControlRoute
        {
            Method = "GET",
            Pattern = "/v1/vms/{vm}/ports/{port}/capture",
            Summary = "Records what goes through a port, until it is unplugged.",
            MediaType = CaptureRoute.MediaType,
            IsShort = false,
            Handler = CaptureRoute.HandleAsync,
        },
        .. ClipboardRoutes.All,
        new ControlRoute
        {
            Method = "GET",
            Pattern = "/v1/events",
            Summary = "What happens, as it happens.",
            Query = [("vm", "Of this VM alone."), ("after", "From the event after this one; without it, from now on.")],
            Answer = ControlJson.Default.ChannelEvent,
            MediaType = EventsRoute.MediaType,
            IsShort = false,
            Handler = EventsRoute.HandleAsync,
        },
        ControlRoute.Json("POST", "/v1/reload", "Reads the configuration file again.", ControlJson.Default.ReloadResult, ReloadAsync),
        new ControlRoute
        {
            Method = "GET",
            Pattern = "/metrics",
            Summary = "Metrics of all VMs, for Prometheus.",
            MediaType = PrometheusText.MediaType,
            Handler = MetricsRoute.HandleAsync,
        },
        new ControlRoute { Method = "GET", Pattern = "/v1/openapi.json", Summary = "This document.", Handler = WriteDocumentAsync },
    ];

    private static Task<T> Now<T>(T value) => Task.FromResult(value);

    private static async Task<PortInfo> PlugAsync(ControlCall call)
    {
        VmHost vm = call.Vm;
        string options = await call.ReadOptionsAsync();
        if (!PortOptions.TryParseSerial(options, ServiceCatalog.All, out PortRequest? request, out string? error))
        {
            throw new ProblemException(Problems.BadOptions(error));
        }

        return PortView.Of(await vm.PlugAsync(request, call.Cancellation));
    }

    private static async Task<PortInfo> ChangeAsync(ControlCall call)
    {
        int number = call.Port.Plan.Spec.Number;
        return PortView.Of(await call.Vm.ChangeAsync(number, await call.ReadOptionsAsync(), call.Cancellation));
    }

    private static async Task<PortInfo> UnplugAsync(ControlCall call)
    {
        ServedPort port = call.Port;
        return await call.Vm.UnplugAsync(port.Plan.Spec.Number, call.Cancellation)
            ? PortView.Of(port)
            : throw PortNames.Gone(port);
    }

    private static Task<ReloadResult> ReloadAsync(ControlCall call)
        => call.Server.Reload is { } reload
            ? reload(call.Cancellation)
            : throw new ProblemException(
                StatusCodes.Status409Conflict, "nothing to reload", "this server was started without a configuration file: serve --config FILE has one");

    private static async Task WriteDocumentAsync(ControlCall call)
    {
        call.Http.Response.ContentType = MediaTypeNames.Application.Json;
        await using Stream document = typeof(ControlRoutes).Assembly.GetManifestResourceStream(Document)!;
        await document.CopyToAsync(call.Http.Response.Body, call.Cancellation);
    }
}
