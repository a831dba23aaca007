using System.Threading.Channels;
using VmChannel.Desktop;
using VmChannel.Device.Services.Clipboard;
using VmChannel.Wire.VdAgent;

namespace VmChannel.Cli.Clipboards;

/// <summary>The clipboard of the host's desktop, through the same clients as in guests.</summary>
internal sealed class DesktopSide : IClipboardSide, IDisposable
{
    private readonly ClipboardSelection _selection;
    private readonly Func<IDesktopClipboard> _open;
    private volatile IDesktopClipboard _desktop;

    /// <param name="selection">Which of its clipboards.</param>
    /// <param name="open">Connects to it: now, and again when it has ended.</param>
    /// <exception cref="IOException">It cannot be had.</exception>
    public DesktopSide(ClipboardSelection selection, Func<IDesktopClipboard> open)
    {
        _selection = selection;
        _open = open;
        _desktop = open();
    }

    public string Name => "desktop";

    public async Task WatchAsync(Func<Task> changed, CancellationToken cancellation)
    {
        IDesktopClipboard desktop = OpenAgain();
        Channel<bool> news = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        void OnCopied(ClipboardSelection selection) => _ = selection == _selection && news.Writer.TryWrite(true);
        async Task EndAsync() => news.Writer.Complete(new IOException(await desktop.Gone));

        desktop.Copied += OnCopied;
        try
        {
            // What was copied before anybody listened goes to all, too.
            OnCopied(_selection);
            _ = EndAsync();
            await foreach (bool _ in news.Reader.ReadAllAsync(cancellation))
            {
                await changed();
            }
        }
        finally
        {
            desktop.Copied -= OnCopied;
        }
    }

    public async Task<ClipboardItem?> ReadAsync(CancellationToken cancellation)
    {
        IDesktopClipboard desktop = _desktop;
        ClipboardTypes types = desktop.TypesOf(_selection) & ClipboardTypes.Data;
        for (ClipboardType type; (type = ClipboardWords.Preferred(types)) != ClipboardType.None; types &= ~type.Only())
        {
            if (await desktop.ReadAsync(_selection, type, ClipboardPolicy.LongestBytes).WaitAsync(cancellation) is byte[] bytes)
            {
                return new(ClipboardWords.MediaTypeOf(type).Split(';')[0], bytes);
            }
        }

        return null;
    }

    public async Task WriteAsync(ClipboardItem item, CancellationToken cancellation)
    {
        IDesktopClipboard desktop = _desktop;
        if (desktop.Gone.IsCompleted)
        {
            throw new IOException(await desktop.Gone);
        }

        ClipboardType type = ClipboardWords.ParseMediaType(item.MediaType) ?? throw new IOException($"desktops are not given {item.MediaType}");
        desktop.Offer(_selection, type.Only(), _ => Task.FromResult<byte[]?>(item.Bytes));
    }

    public void Dispose() => _desktop.Dispose();

    private IDesktopClipboard OpenAgain()
    {
        if (_desktop.Gone.IsCompleted)
        {
            IDesktopClipboard next = _open();
            _desktop.Dispose();
            _desktop = next;
        }

        return _desktop;
    }
}
