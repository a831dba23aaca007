using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;
using VmChannel.Cli.Serve;
using VmChannel.Control;
using VmChannel.Device.Services;
using VmChannel.Device.Services.Clipboard;
using VmChannel.Wire.VdAgent;
using ClipboardOwner = VmChannel.Control.ClipboardOwner;
using ClipboardSelection = VmChannel.Wire.VdAgent.ClipboardSelection;

namespace VmChannel.Cli.Control;

/// <summary><c>…/clipboard</c>: copies to and pastes from a guest's clipboard. Data is the body itself, in its own media type.</summary>
internal static class ClipboardRoutes
{
    private const string Pattern = "/v1/vms/{vm}/ports/{port}/clipboard";
    private const string SelectionPattern = Pattern + "/{selection}";
    private const int BlockBytes = 64 * 1024;

    private static readonly string[] MediaTypes = [.. ClipboardWords.TypeWords.Select(word => ClipboardWords.MediaTypeOf(ClipboardWords.ParseType(word)!.Value).Split(';')[0])];

    public static IReadOnlyList<ControlRoute> All { get; } =
    [
        ControlRoute.Json(
            "GET", Pattern, "What is on a guest's clipboards: clipboard, primary, secondary.", ControlJson.Default.IReadOnlyListClipboardInfo, GetStatesAsync),
        new ControlRoute
        {
            Method = "GET",
            Pattern = Pattern + "/events",
            Summary = "What is on a guest's clipboards, and each change of it.",
            Answer = ControlJson.Default.ClipboardInfo,
            MediaType = EventsRoute.MediaType,
            IsShort = false,
            Handler = ClipboardEvents.HandleAsync,
        },
        new ControlRoute
        {
            Method = "GET",
            Pattern = SelectionPattern,
            Summary = "Pastes: what was copied last, by the guest or the host.",
            Query = [("type", "text, png, bmp, tiff or jpeg; without it the first that there is.")],
            MediaType = MediaTypes[0],
            OtherMediaTypes = MediaTypes[1..],
            IsShort = false,
            Handler = PasteAsync,
        },
        ControlRoute.Json("PUT", SelectionPattern, "Copies: offers data to the guest.", ControlJson.Default.ClipboardInfo, CopyAsync) with
        {
            DataBody = MediaTypes,
            IsShort = false,
        },
        ControlRoute.Json("POST", Pattern + "/files", "Sends a file to the guest; answers when all of it is there.", ControlJson.Default.SentFile, FileUpload.HandleAsync) with
        {
            Query = [("name", "What the file is to be called in the guest.")],
            DataBody = ["application/octet-stream"],
            IsShort = false,
        },
        ControlRoute.Json("DELETE", SelectionPattern, "Takes back what the host offers.", ControlJson.Default.ClipboardInfo, ClearAsync),
    ];

    public static int StatusOf(ClipboardFault fault) => fault switch
    {
        ClipboardFault.NotThere => StatusCodes.Status404NotFound,
        ClipboardFault.Forbidden => StatusCodes.Status403Forbidden,
        ClipboardFault.TooLong => StatusCodes.Status413PayloadTooLarge,
        ClipboardFault.NoAgent => StatusCodes.Status503ServiceUnavailable,
        ClipboardFault.Refused => StatusCodes.Status409Conflict,
        ClipboardFault.NoAnswer => StatusCodes.Status504GatewayTimeout,
        _ => StatusCodes.Status422UnprocessableEntity,
    };

    /// <summary>The clipboard of the port the path names.</summary>
    /// <exception cref="ProblemException">There is no such port, or something else serves it.</exception>
    public static async Task<SharedClipboard> FindAsync(ControlCall call)
    {
        ServedPort port = call.Port;
        SharedClipboard? clipboard = null;
        bool isThere = await call.Vm.UseAsync(
            port, (_, plugged) => clipboard = ((plugged.HostEnd as ServiceEnd)?.Service as ClipboardService)?.Clipboard);
        return !isThere ? throw PortNames.Gone(port)
            : clipboard ?? throw new ProblemException(
                StatusCodes.Status409Conflict, "no clipboard", $"{port.Plan.Spec} is not served by the service clipboard, but by {port.Port.State.HostEnd}");
    }

    public static ClipboardInfo View(ClipboardState state) => new(
        (VmChannel.Control.ClipboardSelection)state.Selection,
        state.Owner switch
        {
            Device.Services.Clipboard.ClipboardOwner.Host => ClipboardOwner.Host,
            Device.Services.Clipboard.ClipboardOwner.Guest => ClipboardOwner.Guest,
            _ => ClipboardOwner.Nobody,
        },
        ClipboardWords.Of(state.Types),
        state.Change);

    public static IEnumerable<ClipboardSelection> Selections
        => [ClipboardSelection.Clipboard, ClipboardSelection.Primary, ClipboardSelection.Secondary];

    private static async Task<IReadOnlyList<ClipboardInfo>> GetStatesAsync(ControlCall call)
    {
        SharedClipboard clipboard = await FindAsync(call);
        return [.. Selections.Select(selection => View(clipboard.StateOf(selection)))];
    }

    private static async Task PasteAsync(ControlCall call)
    {
        SharedClipboard clipboard = await FindAsync(call);
        using ClipboardContent content = await clipboard.GetAsync(ReadSelection(call), ReadType(call), call.Cancellation);

        // A slow reader is no reason to hang up: the data waits in memory that is there anyway.
        call.AllowSlowReader();

        call.Http.Response.ContentType = ClipboardWords.MediaTypeOf(content.Type);
        call.Http.Response.ContentLength = content.Length;
        call.Http.Response.Headers.CacheControl = "no-store";
        PipeWriter output = call.Http.Response.BodyWriter;
        for (int sent = 0; sent < content.Length;)
        {
            int count = content.Read(output.GetSpan(BlockBytes)[..BlockBytes], sent);
            sent += count;
            output.Advance(count);
            _ = await output.FlushAsync(call.Cancellation);
        }
    }

    private static async Task<ClipboardInfo> CopyAsync(ControlCall call)
    {
        SharedClipboard clipboard = await FindAsync(call);
        ClipboardSelection selection = ReadSelection(call);
        ClipboardType type = ClipboardWords.ParseMediaType(call.Http.Request.ContentType ?? "") ?? throw new ProblemException(
            StatusCodes.Status415UnsupportedMediaType, "no such form", $"send {string.Join(", ", MediaTypes)}, with that Content-Type");
        call.AllowLongBody();
        call.AllowSlowSender();
        ClipboardContent content = new(type);
        try
        {
            await ReadAsync(call, content, clipboard.Policy.MaxBytes);
        }
        catch
        {
            content.Dispose();
            throw;
        }

        clipboard.Offer(selection, content);
        return View(clipboard.StateOf(selection));
    }

    private static async Task ReadAsync(ControlCall call, ClipboardContent content, int maxBytes)
    {
        if (call.Http.Request.ContentLength > maxBytes)
        {
            throw TooLong(maxBytes);
        }

        PipeReader input = call.Http.Request.BodyReader;
        ReadResult read;
        do
        {
            read = await input.ReadAsync(call.Cancellation);
            foreach (ReadOnlyMemory<byte> piece in read.Buffer)
            {
                if (piece.Length > maxBytes - content.Length)
                {
                    input.AdvanceTo(read.Buffer.End);
                    throw TooLong(maxBytes);
                }

                content.Append(piece.Span);
            }

            input.AdvanceTo(read.Buffer.End);
        }
        while (!read.IsCompleted);
    }

    private static ClipboardException TooLong(int maxBytes)
        => new(ClipboardFault.TooLong, $"it is longer than max-size={maxBytes} of the channel");

    private static async Task<ClipboardInfo> ClearAsync(ControlCall call)
    {
        SharedClipboard clipboard = await FindAsync(call);
        ClipboardSelection selection = ReadSelection(call);
        _ = clipboard.Withdraw(selection);
        return View(clipboard.StateOf(selection));
    }

    private static ClipboardSelection ReadSelection(ControlCall call)
        => ClipboardWords.ParseSelection(call.Values["selection"]) ?? throw new ProblemException(
            StatusCodes.Status400BadRequest, "no such selection", $"{call.Values["selection"]}: {string.Join(", ", ClipboardWords.SelectionWords)} are there");

    private static ClipboardType? ReadType(ControlCall call)
        => call.Http.Request.Query["type"].ToString() is not { Length: > 0 } word ? null
            : ClipboardWords.ParseType(word) ?? throw new ProblemException(
                StatusCodes.Status400BadRequest, "bad query", $"type={word}: one of {string.Join(", ", ClipboardWords.TypeWords)} is needed");
}
