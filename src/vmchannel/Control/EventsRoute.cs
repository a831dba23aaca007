using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using VmChannel.Control;
using VmChannel.Device.Events;

namespace VmChannel.Cli.Control;

/// <summary><c>GET /v1/events</c>: what happens, as server-sent events (WHATWG HTML, §9.2).</summary>
internal static class EventsRoute
{
    public const string MediaType = "text/event-stream";

    private const string LastEventId = "Last-Event-ID";
    private static readonly TimeSpan KeepAlive = TimeSpan.FromSeconds(15);

    public static async Task HandleAsync(ControlCall call)
    {
        string? vm = call.Http.Request.Query["vm"].ToString() is { Length: > 0 } name ? call.FindVm(name).Name : null;
        long after = Resume(call) ?? call.QueryNumber("after") ?? call.Server.Journal.Last;

        // A slow listener is no reason to hang up: it is told what it missed.
        call.AllowSlowReader();

        call.Http.Response.ContentType = MediaType;
        call.Http.Response.Headers.CacheControl = "no-store";
        await WriteAsync(call, ": listening\n\n");
        try
        {
            await ListenAsync(call, vm, after);
        }
        catch (OperationCanceledException) when (call.Cancellation.IsCancellationRequested)
        {
            // The listener left, or the server ends: either is the end of the stream.
        }
    }

    /// <summary>Waits for what is to be told next, and shows meanwhile that the stream is alive.</summary>
    /// <param name="call">Who listens.</param>
    /// <param name="next">Ends when the call is cancelled.</param>
    /// <remarks>A guest sets the pace: a wait leaves no timer behind.</remarks>
    public static async Task<bool> NextAsync(ControlCall call, Task<bool> next)
    {
        while (true)
        {
            try
            {
                return await next.WaitAsync(KeepAlive);
            }
            catch (TimeoutException)
            {
                await WriteAsync(call, ": keep-alive\n\n");
            }
        }
    }

    private static async Task ListenAsync(ControlCall call, string? vm, long after)
    {
        await using IAsyncEnumerator<JournalEntry> entries =
            call.Server.Journal.ReadAsync(after, call.Cancellation).GetAsyncEnumerator(call.Cancellation);
        while (true)
        {
            if (!await NextAsync(call, entries.MoveNextAsync().AsTask()))
            {
                return;
            }

            JournalEntry entry = entries.Current;
            if (entry.Missed > 0)
            {
                call.Metrics.Api.Miss(entry.Missed);
                await WriteAsync(call, $"event: {EventStream.MissedType}\ndata: {JsonSerializer.Serialize(new(entry.Missed), ControlJson.Default.MissedEvents)}\n\n");
            }

            if (vm is null || entry.Event.Vm == vm)
            {
                string json = JsonSerializer.Serialize(View(entry.Event), ControlJson.Default.ChannelEvent);
                await WriteAsync(call, string.Create(CultureInfo.InvariantCulture, $"id: {entry.Event.Sequence}\ndata: {json}\n\n"));
            }
        }
    }

    /// <summary>A listener that comes back says which was its last.</summary>
    private static long? Resume(ControlCall call)
        => long.TryParse(call.Http.Request.Headers[LastEventId], NumberStyles.None, CultureInfo.InvariantCulture, out long last) ? last : null;

    private static ChannelEvent View(DeviceEvent told)
        => new(told.Sequence, told.Time, told.Vm, EventNames.Of(told.Kind), told.Port, told.Protocol, told.Cause, told.Generation);

    private static Task WriteAsync(ControlCall call, string text) => call.Http.Response.WriteAsync(text, call.Cancellation);
}
