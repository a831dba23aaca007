using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;
using VmChannel.Control;
using VmChannel.Device.Services.Clipboard;

namespace VmChannel.Cli.Control;

/// <summary><c>…/clipboard/files</c>: the body is a file, on its way to the guest as it comes.</summary>
internal static class FileUpload
{
    private const int MaxNameBytes = 255;

    /// <summary>What is still to come of a file that the guest refused is read past for that long: a client that is hung up on would not hear why.</summary>
    private static readonly TimeSpan DrainTime = TimeSpan.FromSeconds(30);

    public static async Task<SentFile> HandleAsync(ControlCall call)
    {
        SharedClipboard clipboard = await ClipboardRoutes.FindAsync(call);
        string name = call.Http.Request.Query["name"].ToString();
        if (name.Length == 0 || name.Contains('/', StringComparison.Ordinal) || name.Any(char.IsControl)
            || System.Text.Encoding.UTF8.GetByteCount(name) > MaxNameBytes)
        {
            throw new ProblemException(
                StatusCodes.Status400BadRequest, "bad query", $"name={name}: the name of a file is needed, without / and of {MaxNameBytes} bytes at most");
        }

        if (call.Http.Request.ContentLength is not long bytes)
        {
            throw new ProblemException(StatusCodes.Status411LengthRequired, "no length", "say how long the file is, with Content-Length: the guest is told before it comes");
        }

        call.AllowLongBody();
        call.AllowSlowSender();
        try
        {
            await clipboard.SendFileAsync(name, bytes, call.Http.Request.BodyReader, call.Cancellation);
        }
        catch (ClipboardException)
        {
            await DrainAsync(call.Http.Request.BodyReader, call.Cancellation);
            throw;
        }

        return new(name, bytes);
    }

    private static async Task DrainAsync(PipeReader input, CancellationToken cancellation)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(DrainTime);
        try
        {
            ReadResult read;
            do
            {
                read = await input.ReadAsync(limit.Token);
                input.AdvanceTo(read.Buffer.End);
            }
            while (!read.IsCompleted);
        }
        catch (OperationCanceledException)
        {
            // Enough of it.
        }
    }
}
