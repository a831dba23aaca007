using VmChannel.Cli.Fetch;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Usb;

/// <summary>QEMU 11 with the older kind of host controller, and a guest whose links are udev's.</summary>
public sealed class EhciTests
{
    private const string Name = "org.example.echo";

    [Fact]
    public async Task Adapter_OnEhciWithUdevd_IsFoundByNameBeforeAndAfterAReboot()
    {
        using TestFolder folder = new();
        await using ServeProcess serve = await ServeProcess.StartUsbAsync(folder, "-usbserial", $"protocol={Name},service=echo");
        await using QemuGuest guest = await QemuGuest.BootUsbAsync(
            PackageSets.Qemu,
            folder.File("qemu"),
            [
                "-device", "usb-ehci,id=ehci", "-chardev", $"socket,id=echo,path={folder.File($"{Name}.sock")}", "-device", "usb-redir,chardev=echo,bus=ehci.0",
            ],
            "vmtest.links=none");
        await UseAsync(guest);

        await guest.RunAsync("(sleep 0.2; echo b >/proc/sysrq-trigger) >/dev/null 2>&1 &");
        await guest.WaitForBootAsync(2);
        await UseAsync(guest);
    }

    private static async Task UseAsync(QemuGuest guest)
    {
        string path = Machine.PathOf(Name);
        await guest.UntilAsync("[ -e /dev/ttyUSB0 ]");
        await guest.RunAsync("/lib/systemd/systemd-udevd --daemon && udevadm trigger --action=add && udevadm settle");
        await guest.UntilAsync($"[ -e {path} ]");
        Assert.Equal("/dev/ttyUSB0\n/dev/ttyUSB0", await guest.RunAsync($"readlink -m {path} /dev/virtio-ports/{Name}"));
        Assert.Contains("ID_MM_DEVICE_IGNORE=1", await guest.RunAsync("udevadm info /dev/ttyUSB0"), StringComparison.Ordinal);

        // Raw without a word from this program: udev's helper did it.
        Assert.Equal("by name", await guest.RunAsync(GuestScripts.Exchange(path, "by name")));
    }
}
