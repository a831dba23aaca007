using VmChannel.Cli.Fetch;
using VmChannel.Control;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Clipboards;

/// <summary>A server and a guest with a desktop, shared by the tests of a collection.</summary>
public abstract class DesktopMachine : IAsyncLifetime
{
    /// <summary>The name that stock agents know.</summary>
    public const string Spice = "com.redhat.spice.0";

    /// <summary>A clipboard that no agent uses, for a guest that lies.</summary>
    public const string Hostile = "test.hostile";

    /// <summary>Its max-size=, in bytes: far less than a lie sends.</summary>
    public const int HostileLimit = 64 * 1024;

    private readonly TestFolder _folder = new();

    internal ServeProcess Serve { get; private set; } = null!;

    internal Guest Guest => Desktop.Guest;

    internal DesktopGuest Desktop { get; private protected set; } = null!;

    internal ControlClient Control => Serve.Control;

    public async ValueTask InitializeAsync()
    {
        (Serve, Desktop) = await BootAsync(_folder);
        await StartDesktopAsync();
        await WaitForAgentAsync();
    }

    /// <summary>Starts the X server and an agent.</summary>
    private protected virtual Task StartDesktopAsync() => Desktop.StartAsync();

    /// <summary>Waits until the agent has told what it can.</summary>
    internal Task WaitForAgentAsync()
        => Patience.UntilAsync(HasAgent, () => $"the agent did not open its port\n{Desktop.LogsAsync().GetAwaiter().GetResult()}");

    /// <summary>Waits until the server knows that the agent has ended.</summary>
    internal Task WaitForNoAgentAsync() => Patience.UntilAsync(() => !HasAgent(), () => "the port stays open");

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

    private protected abstract Task<(ServeProcess Serve, DesktopGuest Desktop)> BootAsync(TestFolder folder);

    private bool HasAgent() => Control.GetPortAsync("device", Spice).GetAwaiter().GetResult().IsGuestOpen;

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await Guest.DisposeAsync();
        await Serve.DisposeAsync();
        _folder.Dispose();
    }
}

/// <summary>The desktop in User Mode Linux, on virtio-serial.</summary>
public sealed class UmlDesktop : DesktopMachine
{
    private const string Memory = "mem=768M";

    private protected override async Task<(ServeProcess Serve, DesktopGuest Desktop)> BootAsync(TestFolder folder)
    {
        ServeProcess serve = await ServeProcess.StartAsync(
            folder, "-virtioserial", $"protocol={Spice}", "-virtioserial", $"protocol={Hostile},service=clipboard,max-size={HostileLimit}");
        return (serve, new(await UmlGuest.BootAsync(serve, Memory), DesktopGuest.OnUml));
    }

    /// <summary>Ends the guest, boots it anew on the same server, with a desktop as it had, and waits for its agent.</summary>
    internal async Task RebootAsync()
    {
        await Guest.DisposeAsync();
        Desktop = new(await UmlGuest.BootAsync(Serve, Memory), DesktopGuest.OnUml);
        await Desktop.StartAsync();
        await WaitForAgentAsync();
    }
}

/// <summary>The desktop in User Mode Linux, without a SPICE package that runs: our own tool is its agent.</summary>
public sealed class ShareDesktop : DesktopMachine
{
    private protected override async Task<(ServeProcess Serve, DesktopGuest Desktop)> BootAsync(TestFolder folder)
    {
        ServeProcess serve = await ServeProcess.StartAsync(folder, "-virtioserial", $"protocol={Spice}");
        return (serve, new(await UmlGuest.BootAsync(serve, "mem=768M"), DesktopGuest.OnUml));
    }

    private protected override async Task StartDesktopAsync()
    {
        await Desktop.StartDisplayAsync();
        await Desktop.StartShareAsync();
    }
}

/// <summary>A Wayland desktop in User Mode Linux, without any SPICE package: our own tool is its agent.</summary>
public sealed class WaylandDesktop : DesktopMachine
{
    internal WaylandGuest Wayland => (WaylandGuest)Desktop;

    private protected override async Task<(ServeProcess Serve, DesktopGuest Desktop)> BootAsync(TestFolder folder)
    {
        ServeProcess serve = await ServeProcess.StartAsync(folder, "-virtioserial", $"protocol={Spice}");
        return (serve, new WaylandGuest(await UmlGuest.BootAsync(serve, "mem=768M")));
    }

    private protected override async Task StartDesktopAsync()
    {
        await Desktop.StartDisplayAsync();
        await Desktop.StartShareAsync();
    }
}

/// <summary>The desktop in QEMU, on a USB serial adapter.</summary>
public sealed class UsbDesktop : DesktopMachine
{
    private protected override async Task<(ServeProcess Serve, DesktopGuest Desktop)> BootAsync(TestFolder folder)
    {
        string[] adapter = ["-usbserial", $"protocol={Spice}"];
        ServeProcess serve = await ServeProcess.StartUsbAsync(folder, adapter);
        await using HostProcess args = await HostProcess.RunAsync([Executables.VmChannel, "args", "qemu", "--usbredir-dir", folder.Root, .. adapter]);
        Assert.Equal(0, await args.Ended);
        string[] device = args.Output.ToString().Replace('\\', ' ').Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
        string packages = await GuestImage.RootOfAsync(PackageSets.Desktop);
        string[] share = ["-virtfs", $"local,path={packages},mount_tag=desktop,security_model=none,readonly=on"];
        return (serve, new(await QemuGuest.BootUsbAsync(PackageSets.QemuUsb, folder.File("qemu"), [.. device, .. share]), DesktopGuest.OnQemu));
    }
}

[CollectionDefinition]
public sealed class UmlDesktopTests : ICollectionFixture<UmlDesktop>;

[CollectionDefinition]
public sealed class ShareDesktopTests : ICollectionFixture<ShareDesktop>;

[CollectionDefinition]
public sealed class WaylandDesktopTests : ICollectionFixture<WaylandDesktop>;

[CollectionDefinition]
public sealed class UsbDesktopTests : ICollectionFixture<UsbDesktop>;
