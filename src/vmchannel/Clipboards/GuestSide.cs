using VmChannel.Control;

namespace VmChannel.Cli.Clipboards;

/// <summary>A guest's clipboard, through the control API of its server.</summary>
internal sealed class GuestSide(ClipboardChannel channel, ClipboardSelection selection) : IClipboardSide
{
    public string Name => channel.Vm;

    public async Task WatchAsync(Func<Task> changed, CancellationToken cancellation)
    {
        // What was copied before anybody bridged stays where it is.
        long since = (await StatesAsync(cancellation)).Max(info => info.Change);
        await foreach (ClipboardInfo info in channel.Client.WatchClipboardAsync(channel.Vm, channel.Port, cancellation))
        {
            if (info.Selection == selection && info.Owner == ClipboardOwner.Guest && info.Types.Count > 0 && info.Change > since)
            {
                since = info.Change;
                await changed();
            }
        }
    }

    public async Task<ClipboardItem?> ReadAsync(CancellationToken cancellation)
    {
        ClipboardInfo now = (await StatesAsync(cancellation)).First(info => info.Selection == selection);
        if (now.Owner != ClipboardOwner.Guest || now.Types.Count == 0)
        {
            return null;
        }

        using ClipboardData data = await channel.Client.PasteAsync(channel.Vm, channel.Port, selection, now.Types[0], cancellation);
        using MemoryStream bytes = new();
        await data.Content.CopyToAsync(bytes, cancellation);
        return new(data.MediaType, bytes.ToArray());
    }

    public async Task WriteAsync(ClipboardItem item, CancellationToken cancellation)
    {
        using MemoryStream bytes = new(item.Bytes, writable: false);
        _ = await channel.Client.CopyAsync(channel.Vm, channel.Port, bytes, item.MediaType, selection, cancellation);
    }

    private Task<IReadOnlyList<ClipboardInfo>> StatesAsync(CancellationToken cancellation)
        => channel.Client.GetClipboardAsync(channel.Vm, channel.Port, cancellation);
}
