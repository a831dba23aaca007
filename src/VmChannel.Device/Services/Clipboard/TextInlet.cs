using Microsoft.Extensions.Logging;
using VmChannel.Device.Channels;
using VmChannel.Device.Loop;
using VmChannel.Native;
using VmChannel.Wire.VdAgent;

namespace VmChannel.Device.Services.Clipboard;

/// <summary>Takes host text from a named pipe (<c>text-in=PATH</c>): what one writer writes until it closes is one text. Loop thread only.</summary>
/// <remarks>The pipe is made when the path is free, and then removed at the end. <c>printf hello &gt; PATH</c> copies, byte for byte.</remarks>
internal sealed partial class TextInlet : Runnable, IReadiness, IDisposable
{
    private const uint OwnerOnly = 0x180;

    private readonly string _path;
    private readonly SharedClipboard _clipboard;
    private readonly DeviceLoop _loop;
    private readonly ILogger _log;
    private readonly byte[] _buffer = new byte[16 * 1024];
    private ClipboardContent? _text;
    private Task _offered = Task.CompletedTask;
    private bool _isTooLong;
    private bool _isMade;
    private FileDescriptor? _pipe;
    private Registration? _registration;

    public TextInlet(string path, SharedClipboard clipboard, DeviceLoop loop, ILogger log)
    {
        _path = path;
        _clipboard = clipboard;
        _loop = loop;
        _log = log;
    }

    /// <summary>Makes the pipe if need be and begins to listen.</summary>
    /// <exception cref="HostEndException">The path cannot be used.</exception>
    public void Start()
    {
        PosixResult made = NamedPipe.Create(_path, OwnerOnly);
        _isMade = made.IsSuccess;
        if (!made.IsSuccess && made.Error != Errno.Exists)
        {
            throw new HostEndException($"text-in={_path}: cannot make a named pipe: {made.Message}");
        }

        const OpenFlags Flags = OpenFlags.ReadOnly | OpenFlags.NonBlocking | OpenFlags.NoControllingTerminal;
        PosixResult opened = FileDescriptor.Open(_path, Flags, 0, out _pipe);
        if (!opened.IsSuccess)
        {
            throw new HostEndException($"text-in={_path}: {opened.Message}");
        }

        if (_pipe!.Kind() != FileKind.Fifo)
        {
            _pipe.Dispose();
            throw new HostEndException($"text-in={_path}: not a named pipe; give a free path, or one made with mkfifo");
        }

        _ = _loop.Add(_pipe, EpollEvents.In, this, out _registration).OrThrow($"text-in={_path}");
    }

    public void OnReady(EpollEvents events) => _loop.Schedule(this);

    public void Dispose()
    {
        _registration?.Dispose();
        _registration = null;
        _pipe?.Dispose();
        _pipe = null;
        Drop();
        if (_isMade)
        {
            _isMade = false;
            _ = FileDescriptor.Unlink(_path);
        }
    }

    protected internal override bool Run()
    {
        if (_pipe is null)
        {
            return false;
        }

        PosixResult result = _pipe.Read(_buffer);
        if (result.IsSuccess && result.Value > 0)
        {
            Keep(_buffer.AsSpan(0, (int)result.Value));
            return true;
        }

        // Zero is the last writer's close; a would-block comes while one still writes.
        if (result.IsSuccess)
        {
            Finish();
        }

        return false;
    }

    private void Keep(ReadOnlySpan<byte> bytes)
    {
        _isTooLong |= (_text?.Length ?? 0) + bytes.Length > _clipboard.Policy.MaxBytes;
        if (_isTooLong)
        {
            Drop();
            return;
        }

        _text ??= new(ClipboardType.Utf8Text);
        _text.Append(bytes);
    }

    private void Finish()
    {
        if (_isTooLong)
        {
            LogRefused(_path, $"longer than {_clipboard.Policy.MaxBytes} bytes");
        }
        else if (_text is ClipboardContent text)
        {
            _text = null;
            _offered = OfferAfterAsync(_offered, text);
        }

        Drop();
        _isTooLong = false;
    }

    /// <summary>On the thread pool, because all of a text is looked at before it is offered; in order.</summary>
    private async Task OfferAfterAsync(Task before, ClipboardContent text)
    {
        await before.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        int bytes = text.Length;
        try
        {
            _clipboard.Offer(ClipboardSelection.Clipboard, text);
            LogText(_path, bytes);
        }
        catch (ClipboardException fault)
        {
            LogRefused(_path, fault.Message);
        }
    }

    private void Drop()
    {
        _text?.Dispose();
        _text = null;
    }

    [LoggerMessage(67, LogLevel.Information, "clipboard: {Bytes} bytes of text from {Path} for the guest")]
    private partial void LogText(string path, int bytes);

    [LoggerMessage(68, LogLevel.Warning, "clipboard: text from {Path} refused: {Reason}")]
    private partial void LogRefused(string path, string reason);
}
