using VmChannel.Cli.Fetch;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Usb;

/// <summary>A server and a guest that has four USB adapters, a network and no virtio, shared by the tests of a collection: each leaves it as it was.</summary>
public abstract class UsbMachine : IAsyncLifetime
{
    public const string Echo = "org.example.echo";
    public const string Held = "org.example.held";
    public const string Second = "org.example.second";
    public const string Spare = "org.example.spare";

    /// <summary>Kinds of messages that the kernel has for what it does not like about an adapter: warnings and worse.</summary>
    public const string Complaint = "^[0-4],.*(ftdi|usb|xhci|ehci|tty)";

    private static readonly string[] All = [Echo, Held, Second, Spare];

    private readonly TestFolder _folder = new();

    internal ServeProcess Serve { get; private set; } = null!;

    internal QemuGuest Guest { get; private set; } = null!;

    /// <summary>What the kernel had to say of the adapters up to the first bytes both ways. Later tests tear open adapters out, which the driver does complain about.</summary>
    internal string[] KernelLog { get; private set; } = [];

    /// <summary>MiB, in fours, that are moved each way at once.</summary>
    public virtual int Mebibytes => 4;

    private protected abstract PackageSet Qemu { get; }

    /// <summary>What the adapters are plugged into, in the words of QEMU's -device and without an id; null = what <c>vmchannel args</c> says.</summary>
    private protected virtual string? Controller => null;

    /// <summary>udevd makes the links, and not vmchannel-guest watch.</summary>
    private protected virtual bool HasUdev => false;

    /// <summary>Path of a channel's host end.</summary>
    internal string SocketOf(string protocol) => _folder.File($"{protocol}.host");

    /// <summary>Connects to the host end of a channel.</summary>
    internal ChannelClient Connect(string protocol) => ChannelClient.Connect(SocketOf(protocol));

    public async ValueTask InitializeAsync()
    {
        string[] adapters =
        [
            "-usbserial", $"protocol={Echo},service=echo",
            "-usbserial", $"protocol={Held},char=unix:{SocketOf(Held)},server",
            "-usbserial", $"protocol={Second},char=unix:{SocketOf(Second)},server",
            "-usbserial", $"protocol={Spare},char=unix:{SocketOf(Spare)},server",
        ];
        Serve = await ServeProcess.StartUsbAsync(_folder, adapters);
        await using HostProcess args = await HostProcess.RunAsync([Executables.VmChannel, "args", "qemu", "--usbredir-dir", _folder.Root, .. adapters]);
        Assert.Equal(0, await args.Ended);
        string[] device = args.Output.ToString().Replace('\\', ' ').Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
        if (Controller is string other)
        {
            const string Printed = "qemu-xhci,id=vmchannel-xhci0,";
            int place = Array.FindIndex(device, word => word.StartsWith(Printed, StringComparison.Ordinal));
            device[place] = $"{other},id=vmchannel-xhci0";
        }

        string[] network = ["-netdev", "user,id=net,ipv6=off", "-device", "e1000,netdev=net,romfile="];
        Guest = await QemuGuest.BootUsbAsync(Qemu, _folder.File("qemu"), [.. device, .. network], HasUdev ? "vmtest.links=none" : "");
        await UseAsync();
    }

    /// <summary>Resets the machine from within, as it is, and uses its adapters again.</summary>
    internal async Task RebootAsync()
    {
        await Guest.ResetAsync();
        await UseAsync();
    }

    /// <summary>Waits until the guest has all its adapters by name.</summary>
    internal Task WaitForLinksAsync() => Guest.UntilAsync(string.Join(" && ", All.Select(protocol => $"[ -e {PathOf(protocol)} ]")));

    /// <summary>The kernel's messages since the boot that are like this.</summary>
    /// <param name="pattern">An extended regular expression; a line begins with its level: 4 is a warning, and what programs say begins with 8 and more.</param>
    internal async Task<string[]> MessagesAsync(string pattern)
        => (await Guest.RunAsync($"dd if=/dev/kmsg iflag=nonblock bs=8192 status=none 2>/dev/null | grep -E '{pattern}' || true"))
            .Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>The channel's path in the guest.</summary>
    internal static string PathOf(string protocol) => Machine.PathOf(protocol);

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await Guest.DisposeAsync();
        await Serve.DisposeAsync();
        _folder.Dispose();
    }

    private async Task UseAsync()
    {
        if (HasUdev)
        {
            await Guest.RunAsync("/lib/systemd/systemd-udevd --daemon && udevadm trigger --action=add && udevadm settle");
        }

        await WaitForLinksAsync();
        string line = $"boot {Guest.Boots}";
        Assert.Equal(line, await Guest.RunAsync(GuestScripts.Exchange(PathOf(Echo), line)));
        KernelLog = await MessagesAsync($"{Complaint}|Detected FT232H|Product: vmchannel:");
    }
}

/// <summary>QEMU 7.2 as <c>vmchannel args</c> says.</summary>
public sealed class OldXhciMachine : UsbMachine
{
    private protected override PackageSet Qemu => PackageSets.QemuUsb;
}

/// <summary>QEMU 7.2 with the older kind of host controller.</summary>
public sealed class OldEhciMachine : UsbMachine
{
    private protected override PackageSet Qemu => PackageSets.QemuUsb;

    private protected override string? Controller => "usb-ehci";
}

/// <summary>QEMU 11 as <c>vmchannel args</c> says, for long transfers.</summary>
public sealed class NewXhciMachine : UsbMachine
{
    public override int Mebibytes => 256;

    private protected override PackageSet Qemu => PackageSets.Qemu;
}

/// <summary>QEMU 11 with the older kind of host controller, and a guest whose links are udev's.</summary>
public sealed class NewEhciMachine : UsbMachine
{
    private protected override PackageSet Qemu => PackageSets.Qemu;

    private protected override string? Controller => "usb-ehci";

    private protected override bool HasUdev => true;
}

[CollectionDefinition]
public sealed class UsbTests : ICollectionFixture<OldXhciMachine>;

[CollectionDefinition]
public sealed class OldEhciTests : ICollectionFixture<OldEhciMachine>;

[CollectionDefinition]
public sealed class NewXhciTests : ICollectionFixture<NewXhciMachine>;

[CollectionDefinition]
public sealed class NewEhciTests : ICollectionFixture<NewEhciMachine>;
