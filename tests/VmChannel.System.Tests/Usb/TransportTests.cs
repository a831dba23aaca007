using VmChannel.Cli.Fetch;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Usb;

/// <summary>
/// Two programs in a guest, one built on VmChannel.Guest and one in plain shell, that know channels by name only. The host decides what
/// carries them, from one boot to the next and within a boot.
/// </summary>
public sealed class TransportTests : IAsyncLifetime
{
    private const string Library = "org.example.agent.library";
    private const string Shell = "org.example.agent.shell";

    /// <summary>Starts both. The shell's reads until there is nothing more to read, whatever that means, and begins again.</summary>
    private const string Agents = $$"""
        guest-agent answer {{Library}} >/dev/kmsg 2>&1 </dev/null &
        while :; do
            if [ -e /dev/vmchannel/org/example/agent/shell ]; then
                {
                    while read -r line <&5; do echo "$line" >&5 || break; done
                } 5<>/dev/vmchannel/org/example/agent/shell
            fi
            sleep 0.1
        done >/dev/null 2>&1 </dev/null &
        """;

    private static readonly string[] Names = [Library, Shell];

    private readonly TestFolder _virtioFolder = new();
    private readonly TestFolder _usbFolder = new();
    private ServeProcess _virtio = null!;
    private ServeProcess _usb = null!;
    private QemuGuest _guest = null!;
    private int _line;

    public async ValueTask InitializeAsync()
    {
        _virtio = await ServeProcess.StartAsync(_virtioFolder, "-virtioserial", "protocol=org.example.other,service=sink");
        _usb = await ServeProcess.StartUsbAsync(_usbFolder, [.. Names.SelectMany(name => new[] { "-usbserial", OptionsOf(name, _usbFolder) })]);
    }

    public async ValueTask DisposeAsync()
    {
        await _guest.DisposeAsync();
        await _usb.DisposeAsync();
        await _virtio.DisposeAsync();
        _usbFolder.Dispose();
        _virtioFolder.Dispose();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Agents_WhateverCarriesTheirChannels_GoOn(bool hasUdev)
    {
        string[] adapters =
        [
            "-device", "qemu-xhci,id=usb",
            .. Names.SelectMany((name, index) => new[]
            {
                "-chardev", $"socket,id=usb{index},path={_usbFolder.File($"{name}.sock")}", "-device", $"usb-redir,chardev=usb{index},bus=usb.0",
            }),
        ];
        _guest = await QemuGuest.BootUsbAsync(
            PackageSets.Qemu, _usbFolder.File("qemu"), [.. await _virtio.ArgumentsForAsync("qemu"), .. adapters], hasUdev ? "vmtest.links=none" : "");

        // One boot over USB …
        await StartAsync(hasUdev);
        await ExpectAsync("ttyUSB[0-9]+", _usbFolder);

        // … and one over virtio.
        await ChangeAsync(_usb, plugs: false);
        await ChangeAsync(_virtio, plugs: true);
        await _guest.ResetAsync();
        await StartAsync(hasUdev);
        await ExpectAsync("vport[0-9]+p[0-9]+", _virtioFolder);

        // Within a boot.
        await ChangeAsync(_virtio, plugs: false);
        await ChangeAsync(_usb, plugs: true);
        await ExpectAsync("ttyUSB[0-9]+", _usbFolder);

        // Of both, virtio has the name.
        await ChangeAsync(_virtio, plugs: true);
        await ExpectLinksAsync("vport[0-9]+p[0-9]+");
        await ChangeAsync(_usb, plugs: false);
        await ExpectAsync("vport[0-9]+p[0-9]+", _virtioFolder);

        // The adapter comes back as a spare, and takes over.
        await ChangeAsync(_usb, plugs: true);
        foreach (string name in Names)
        {
            await _guest.UntilAsync($"vmchannel-guest list 2>&1 >/dev/null | grep -q -E '{name} .*ttyUSB[0-9]+.* has that name already; it is the spare'");
        }

        await ExpectAsync("vport[0-9]+p[0-9]+", _virtioFolder);
        if (!hasUdev)
        {
            await _guest.UntilAsync("dd if=/dev/kmsg iflag=nonblock bs=8192 status=none 2>/dev/null | grep -q 'gets no link.*it is the spare'");
        }

        await ChangeAsync(_virtio, plugs: false);
        await ExpectAsync("ttyUSB[0-9]+", _usbFolder);
    }

    private static string OptionsOf(string name, TestFolder folder) => $"protocol={name},char=unix:{folder.File($"{name}.host")},server";

    private async Task StartAsync(bool hasUdev)
    {
        if (hasUdev)
        {
            await _guest.RunAsync("/lib/systemd/systemd-udevd --daemon && udevadm trigger --action=add && udevadm settle");
        }

        await _guest.RunAsync(Agents);
    }

    private async Task ChangeAsync(ServeProcess serve, bool plugs)
    {
        bool isUsb = serve == _usb;
        foreach (string name in Names)
        {
            (int code, _, string errors) = plugs
                ? await serve.CommandAsync("plug", $"{(isUsb ? "transport=usb," : "")}{OptionsOf(name, isUsb ? _usbFolder : _virtioFolder)}")
                : await serve.CommandAsync("unplug", name);
            Assert.True(code == 0, errors);
        }
    }

    private async Task ExpectAsync(string device, TestFolder hosts)
    {
        await ExpectLinksAsync(device);
        await ExpectAnswersAsync(hosts);
    }

    private async Task ExpectLinksAsync(string device)
    {
        foreach (string name in Names)
        {
            await _guest.UntilAsync($"[[ $(readlink -f {Machine.PathOf(name)}) =~ ^/dev/{device}$ ]]");
        }
    }

    /// <summary>Both programs answer over the transport with these host ends.</summary>
    private async Task ExpectAnswersAsync(TestFolder hosts)
    {
        foreach (string name in Names)
        {
            string line = $"line {++_line}\n";
            using ChannelClient client = ChannelClient.Connect(hosts.File($"{name}.host"));
            await client.SendAsync(line);
            await client.ExpectAsync(line);
        }
    }
}
