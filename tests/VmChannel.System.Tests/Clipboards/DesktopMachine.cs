using VmChannel.Control;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Clipboards;

/// <summary>A server and a guest with a desktop, shared by the tests of a collection.</summary>
public sealed class DesktopMachine : IAsyncLifetime
{
    /// <summary>The name that stock agents know.</summary>
    public const string Spice = "com.redhat.spice.0";

    /// <summary>A clipboard that no agent uses, for a guest that lies.</summary>
    public const string Hostile = "test.hostile";

    private readonly TestFolder _folder = new();

    internal ServeProcess Serve { get; private set; } = null!;

    internal Guest Guest => Desktop.Guest;

    internal DesktopGuest Desktop { get; private set; } = null!;

    internal ControlClient Control => Serve.Control;

    public async ValueTask InitializeAsync()
    {
        Serve = await ServeProcess.StartAsync(
            _folder, "-virtioserial", $"protocol={Spice}", "-virtioserial", $"protocol={Hostile},service=clipboard");
        Desktop = new(await UmlGuest.BootAsync(Serve, "mem=768M"));
        await Desktop.StartAsync();
        await WaitForAgentAsync();
    }

    /// <summary>Restarts the guest, with a desktop as it had, and waits for its agent.</summary>
    internal async Task RebootAsync()
    {
        int boots = Guest.Boots;
        _ = Guest.TryAsync("echo b > /proc/sysrq-trigger").ContinueWith(task => task.Exception, TaskScheduler.Default);
        await Guest.WaitForBootAsync(boots + 1);
        await Desktop.StartAsync();
        await WaitForAgentAsync();
    }

    /// <summary>Waits until the agent has told what it can.</summary>
    internal async Task WaitForAgentAsync()
    {
        bool isOpen = false;
        await Patience.UntilAsync(
            () =>
            {
                isOpen = Control.GetPortAsync("device", Spice).GetAwaiter().GetResult().IsGuestOpen;
                return isOpen;
            },
            () => $"the agent did not open its port\n{Desktop.LogsAsync().GetAwaiter().GetResult()}");
    }

    /// <summary>What somebody pastes on the host: in one form, or the first there is.</summary>
    internal async Task<byte[]> PasteAsync(string? type = null, ClipboardSelection selection = ClipboardSelection.Clipboard)
    {
        using ClipboardData data = await Control.PasteAsync("device", Spice, selection, type).WaitAsync(Patience.Short);
        using MemoryStream bytes = new();
        await data.Content.CopyToAsync(bytes).WaitAsync(Patience.Short);
        return bytes.ToArray();
    }

    /// <summary>Somebody copies on the host.</summary>
    internal Task<ClipboardInfo> CopyAsync(byte[] bytes, string mediaType = "text/plain", ClipboardSelection selection = ClipboardSelection.Clipboard)
        => Control.CopyAsync("device", Spice, new MemoryStream(bytes), mediaType, selection).WaitAsync(Patience.Short);

    /// <summary>Waits until the guest has copied something since a change.</summary>
    internal async Task<ClipboardInfo> GuestCopiedAsync(long since, ClipboardSelection selection = ClipboardSelection.Clipboard)
    {
        using CancellationTokenSource limit = new(Patience.Short);
        await foreach (ClipboardInfo info in Control.WatchClipboardAsync("device", Spice, limit.Token))
        {
            if (info.Selection == selection && info.Owner == ClipboardOwner.Guest && info.Change > since)
            {
                return info;
            }
        }

        throw new EndOfStreamException("the clipboard has gone");
    }

    /// <summary>Number of the last change of a selection.</summary>
    internal async Task<long> ChangeAsync() => (await Control.GetClipboardAsync("device", Spice)).Max(info => info.Change);

    public async ValueTask DisposeAsync()
    {
        await Guest.DisposeAsync();
        await Serve.DisposeAsync();
        _folder.Dispose();
    }
}

[CollectionDefinition]
public sealed class DesktopCollection : ICollectionFixture<DesktopMachine>;
