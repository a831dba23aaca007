using VmChannel.Cli.Fetch;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Usb;

/// <summary>A server and a guest that has four USB adapters, a network and no virtio, shared by the tests of a collection.</summary>
public sealed class UsbMachine : IAsyncLifetime
{
    public const string Echo = "org.example.echo";
    public const string Held = "org.example.held";
    public const string Second = "org.example.second";
    public const string Spare = "org.example.spare";

    private readonly TestFolder _folder = new();

    internal ServeProcess Serve { get; private set; } = null!;

    internal QemuGuest Guest { get; private set; } = null!;

    /// <summary>The kernel's messages up to the first bytes both ways. Later tests unplug open adapters, which the driver does complain about.</summary>
    internal string KernelLog { get; private set; } = "";

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
        string[] network = ["-netdev", "user,id=net,ipv6=off", "-device", "e1000,netdev=net,romfile="];
        Guest = await QemuGuest.BootUsbAsync(PackageSets.QemuUsb, _folder.File("qemu"), [.. device, .. network]);
        await WaitForLinksAsync();
        Assert.Equal("first", await Guest.RunAsync(GuestScripts.Exchange(PathOf(Echo), "first")));
        KernelLog = await Guest.RunAsync("dd if=/dev/kmsg iflag=nonblock bs=8192 status=none 2>/dev/null | grep '^[0-9]' || true");
    }

    /// <summary>Waits until the guest has all its adapters by name.</summary>
    internal Task WaitForLinksAsync()
        => Guest.UntilAsync(string.Join(" && ", new[] { Echo, Held, Second, Spare }.Select(protocol => $"[ -e {PathOf(protocol)} ]")));

    /// <summary>The channel's path in the guest.</summary>
    internal static string PathOf(string protocol) => Machine.PathOf(protocol);

    public async ValueTask DisposeAsync()
    {
        await Guest.DisposeAsync();
        await Serve.DisposeAsync();
        _folder.Dispose();
    }
}

[CollectionDefinition]
public sealed class UsbTests : ICollectionFixture<UsbMachine>;
