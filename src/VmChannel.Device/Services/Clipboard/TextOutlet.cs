using System.Buffers;
using Microsoft.Extensions.Logging;
using VmChannel.Device.Channels;
using VmChannel.Native;

namespace VmChannel.Device.Services.Clipboard;

/// <summary>Passes on what a guest copies (<c>text-out=FILE</c> or <c>text-out=-</c>).</summary>
/// <remarks>
/// A file holds the newest text, byte for byte, and is replaced as a whole: nobody reads half a text. On standard output
/// each text is followed by a line end, and what could play tricks on a terminal is escaped: a guest writes there.
/// </remarks>
internal sealed partial class TextOutlet(string path, TextClipboard clipboard, ILogger log)
{
    private const uint OwnerOnly = 0x180;

    private bool IsStandardOutput => path == "-";

    /// <exception cref="HostEndException">The path cannot be a file.</exception>
    public void Start()
    {
        if (!IsStandardOutput && (Directory.Exists(path) || !Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(path)))))
        {
            throw new HostEndException($"text-out={path}: not a file in a folder that exists");
        }

        clipboard.GuestTextChanged += Write;
    }

    private void Write(ReadOnlyMemory<byte> text)
    {
        try
        {
            if (IsStandardOutput)
            {
                Print(text.Span);
            }
            else
            {
                Replace(text.Span);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            LogFailed(path, e.Message);
        }
    }

    private static void Print(ReadOnlySpan<byte> text)
    {
        ArrayBufferWriter<byte> safe = new(text.Length + 1);
        SafeText.Append(text, keepLineEnds: true, safe);
        safe.Write("\n"u8);
        using Stream output = Console.OpenStandardOutput();
        output.Write(safe.WrittenSpan);
    }

    private void Replace(ReadOnlySpan<byte> text)
    {
        const OpenFlags Flags = OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Exclusive | OpenFlags.NoControllingTerminal;
        // A name nobody can have put a file or a link under.
        string whole = $"{path}.{Guid.NewGuid():n}";
        _ = FileDescriptor.Open(whole, Flags, OwnerOnly, out FileDescriptor? file).OrThrow($"open {whole}");
        using (file)
        {
            while (!text.IsEmpty)
            {
                text = text[file!.Write(text).OrThrow($"write {whole}")..];
            }
        }

        File.Move(whole, path, overwrite: true);
    }

    [LoggerMessage(69, LogLevel.Error, "clipboard: cannot write the guest's text to {Path}: {Reason}")]
    private partial void LogFailed(string path, string reason);
}
