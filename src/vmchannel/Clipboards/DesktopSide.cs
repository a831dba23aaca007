using VmChannel.Device.Services.Clipboard;
using VmChannel.Wire.VdAgent;
using ClipboardSelection = VmChannel.Control.ClipboardSelection;

namespace VmChannel.Cli.Clipboards;

/// <summary>The clipboard of the host's desktop: X11, or Wayland through Xwayland, with which compositors keep their clipboard in step.</summary>
/// <remarks>
/// X11 tells of a new owner through the XFixes extension, which xclip does not ask for; so the owner is asked for the time at which it
/// became one (TIMESTAMP, ICCCM §2.6.2). xclip itself has no such answer: of such owners the data is compared.
/// </remarks>
internal sealed class DesktopSide(ClipboardSelection selection) : IClipboardSide
{
    private const int LongBytes = 1024 * 1024;
    private const string Timestamp = "TIMESTAMP";

    private static readonly TimeSpan ShortPause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongPause = TimeSpan.FromSeconds(2);

    private static readonly (string Target, ClipboardType Type)[] Targets =
    [
        ("UTF8_STRING", ClipboardType.Utf8Text), ("text/plain;charset=utf-8", ClipboardType.Utf8Text), ("image/png", ClipboardType.Png),
        ("image/bmp", ClipboardType.Bmp), ("image/tiff", ClipboardType.Tiff), ("image/jpeg", ClipboardType.Jpeg),
    ];

    private readonly XclipTool _tool = new(selection);

    /// <summary>Also when watching begins anew: what was passed on before is not news then.</summary>
    private string? _seen;

    public string Name => "desktop";

    public async Task WatchAsync(Func<Task> changed, CancellationToken cancellation)
    {
        while (true)
        {
            (string mark, bool isLong) = await MarkAsync(cancellation);
            if (mark != _seen)
            {
                _seen = mark;
                await changed();
            }

            await Task.Delay(isLong ? LongPause : ShortPause, cancellation);
        }
    }

    public async Task<ClipboardItem?> ReadAsync(CancellationToken cancellation)
    {
        string[] there = await _tool.ReadWordsAsync("TARGETS", cancellation);
        foreach ((string target, ClipboardType type) in Targets.Where(known => there.Contains(known.Target)))
        {
            if (await _tool.ReadAsync(target, cancellation) is { Length: > 0 } bytes)
            {
                return new(ClipboardWords.MediaTypeOf(type).Split(';')[0], bytes);
            }
        }

        return null;
    }

    public async Task WriteAsync(ClipboardItem item, CancellationToken cancellation)
    {
        string target = Array.Find(Targets, known => known.Type == ClipboardWords.ParseMediaType(item.MediaType)).Target;
        await _tool.WriteAsync(target, item.Bytes, cancellation);

        // xclip has forked by now, and the X server may not have heard of it yet: until it has, the old owner would be taken for a new one.
        for (int tries = 0; tries < 20 && (await ReadAsync(cancellation))?.Identity != item.Identity; tries++)
        {
            await Task.Delay(10, cancellation);
        }
    }

    /// <summary>What differs when somebody else has copied; and whether it took long to find out.</summary>
    private async Task<(string Mark, bool IsLong)> MarkAsync(CancellationToken cancellation)
    {
        // xclip as an owner gives its data for any target, so only who lists the time is asked for it.
        string[] there = await _tool.ReadWordsAsync("TARGETS", cancellation);
        if (there.Contains(Timestamp) && await _tool.ReadAsync(Timestamp, cancellation) is { Length: > 0 } time)
        {
            return (Convert.ToHexString(time), false);
        }

        ClipboardItem? item = await ReadAsync(cancellation);
        return (item?.Identity ?? "", item?.Bytes.Length > LongBytes);
    }
}
