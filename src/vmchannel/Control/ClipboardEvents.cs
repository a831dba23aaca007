using System.Text.Json;
using System.Threading.Channels;
using Microsoft.AspNetCore.Http;
using VmChannel.Control;
using VmChannel.Device.Services.Clipboard;
using ClipboardSelection = VmChannel.Wire.VdAgent.ClipboardSelection;

namespace VmChannel.Cli.Control;

/// <summary><c>GET …/clipboard/events</c>: what is on a guest's clipboards now, and then each change (WHATWG HTML, §9.2).</summary>
/// <remarks>A state makes the one before it useless, so a slow listener gets the last of each selection and nothing is kept for it.</remarks>
internal static class ClipboardEvents
{
    public static async Task HandleAsync(ControlCall call)
    {
        SharedClipboard clipboard = await ClipboardRoutes.FindAsync(call);
        call.AllowSlowReader();

        // Whoever changes a clipboard never waits for a listener, and one notice is as good as several.
        Channel<bool> changes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        void Notice(ClipboardSelection selection) => _ = changes.Writer.TryWrite(true);
        Notice(ClipboardSelection.Clipboard);
        call.Http.Response.ContentType = EventsRoute.MediaType;
        call.Http.Response.Headers.CacheControl = "no-store";
        clipboard.Changed += Notice;
        try
        {
            await TellAsync(call, clipboard, changes.Reader);
        }
        catch (OperationCanceledException) when (call.Cancellation.IsCancellationRequested)
        {
            // The listener left, or the server ends: either is the end of the stream.
        }
        finally
        {
            clipboard.Changed -= Notice;
        }
    }

    private static async Task TellAsync(ControlCall call, SharedClipboard clipboard, ChannelReader<bool> changes)
    {
        Dictionary<ClipboardSelection, long> told = [];
        while (!clipboard.IsClosed)
        {
            _ = await EventsRoute.NextAsync(call, changes.ReadAsync(call.Cancellation).AsTask());

            foreach (ClipboardState state in ClipboardRoutes.Selections.Select(clipboard.StateOf).OrderBy(state => state.Change))
            {
                if (!told.TryGetValue(state.Selection, out long last) || last != state.Change)
                {
                    told[state.Selection] = state.Change;
                    string json = JsonSerializer.Serialize(ClipboardRoutes.View(state), ControlJson.Default.ClipboardInfo);
                    await call.Http.Response.WriteAsync($"data: {json}\n\n", call.Cancellation);
                }
            }
        }
    }
}
