using System.Buffers;
using Microsoft.Extensions.Logging;
using VmChannel.Device.Channels;
using VmChannel.Native;
using VmChannel.Wire.VdAgent;

namespace VmChannel.Device.Services.Clipboard;

/// <summary>Passes on the text that a guest copies (<c>text-out=FILE</c> or <c>text-out=-</c>).</summary>
/// <remarks>
/// A file holds the newest text, byte for byte, and is replaced as a whole: nobody reads half a text. On standard output
/// each text is followed by a line end, and what could play tricks on a terminal is escaped: a guest writes there.
/// </remarks>
internal sealed partial class TextOutlet(string path, SharedClipboard clipboard, ILogger log) : IDisposable
{
    private const uint OwnerOnly = 0x180;

    private readonly CancellationTokenSource _stop = new();
    private CancellationToken _stopped;
    private int _due;

    private bool IsStandardOutput => path == "-";

    /// <exception cref="HostEndException">The path cannot be a file.</exception>
    public void Start()
    {
        if (!IsStandardOutput && (Directory.Exists(path) || !Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(path)))))
        {
            throw new HostEndException($"text-out={path}: not a file in a folder that exists");
        }

        _stopped = _stop.Token;
        clipboard.Changed += OnChanged;
    }

    public void Dispose()
    {
        clipboard.Changed -= OnChanged;
        _stop.Cancel();
        _stop.Dispose();
    }

    private void OnChanged(ClipboardSelection selection)
    {
        // While one text is fetched, any number of later ones are one: the newest.
        if (selection == ClipboardSelection.Clipboard && Interlocked.Increment(ref _due) == 1)
        {
            _ = Task.Run(FetchAsync);
        }
    }

    private async Task FetchAsync()
    {
        int seen;
        do
        {
            seen = Volatile.Read(ref _due);
            ClipboardState state = clipboard.StateOf(ClipboardSelection.Clipboard);
            if (state.Owner == ClipboardOwner.Guest && state.Types.Has(ClipboardType.Utf8Text))
            {
                try
                {
                    using ClipboardContent text = await clipboard.GetAsync(ClipboardSelection.Clipboard, ClipboardType.Utf8Text, _stopped);
                    Write(text);
                }
                catch (ClipboardException fault)
                {
                    LogNoText(fault.Message);
                }
                catch (OperationCanceledException)
                {
                    return;
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                {
                    LogFailed(path, e.Message);
                }
            }
        }
        while (Interlocked.CompareExchange(ref _due, 0, seen) != seen);
    }

    private void Write(ClipboardContent text)
    {
        if (IsStandardOutput)
        {
            Print(text);
        }
        else
        {
            Replace(text);
        }
    }

    private static void Print(ClipboardContent text)
    {
        using Stream output = Console.OpenStandardOutput();
        ArrayBufferWriter<byte> safe = new();
        foreach (ReadOnlyMemory<byte> block in text.RuneBlocks())
        {
            SafeText.Append(block.Span, keepLineEnds: true, safe);
            output.Write(safe.WrittenSpan);
            safe.ResetWrittenCount();
        }

        output.Write("\n"u8);
    }

    private void Replace(ClipboardContent text)
    {
        const OpenFlags Flags = OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Exclusive | OpenFlags.NoControllingTerminal;
        // A name nobody can have put a file or a link under.
        string whole = $"{path}.{Guid.NewGuid():n}";
        _ = FileDescriptor.Open(whole, Flags, OwnerOnly, out FileDescriptor? file).OrThrow($"open {whole}");
        try
        {
            using (file)
            {
                foreach (ReadOnlyMemory<byte> block in text.RuneBlocks())
                {
                    for (ReadOnlySpan<byte> rest = block.Span; !rest.IsEmpty;)
                    {
                        rest = rest[file!.Write(rest).OrThrow($"write {whole}")..];
                    }
                }
            }

            File.Move(whole, path, overwrite: true);
        }
        catch
        {
            // A disk may be full: what failed must not stay and fill it.
            File.Delete(whole);
            throw;
        }
    }

    [LoggerMessage(64, LogLevel.Information, "clipboard: no text from the guest: {Reason}")]
    private partial void LogNoText(string reason);

    [LoggerMessage(69, LogLevel.Error, "clipboard: cannot write the guest's text to {Path}: {Reason}")]
    private partial void LogFailed(string path, string reason);
}
