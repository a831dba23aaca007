using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Udev;

/// <summary>The real systemd-udevd with the project's rule and helper, and none of our own processes.</summary>
public sealed class UdevTests
{
    private const string Driver = "/sys/bus/virtio/drivers/virtio_console";
    private const string Name = "/dev/vmchannel/org/qemu/clipboard";

    [Fact]
    public async Task Udevd_WithOurRule_MakesAndRemovesTheLinks()
    {
        using TestFolder folder = new();
        await using ServeProcess serve = await ServeProcess.StartAsync(
            folder,
            "-virtioserial", "port=4,protocol=org.qemu.clipboard,service=echo",
            "-virtioserial", "port=2,protocol=org.libguestfs.fish,service=sink");
        await using UmlGuest guest = await UmlGuest.BootAsync(serve, "vmtest.links=none");
        await guest.RunAsync("/lib/systemd/systemd-udevd --daemon && udevadm trigger --action=add && udevadm settle");

        await guest.UntilAsync($"[ -e {Name} ] && [ -e /dev/vmch2 ]");
        Assert.Equal("/dev/vport0p4\n/dev/vport0p4", await guest.RunAsync($"readlink -m {Name} /dev/vmch4"));
        Assert.Equal("/dev/vport0p2", await guest.RunAsync("readlink -m /dev/virtio-ports/org.libguestfs.fish"));
        Assert.Equal("through udev's link", await guest.RunAsync(GuestScripts.Exchange(Name, "through udev\\'s link")));

        // Unplugged, then plugged in again: the links follow the kernel's own events.
        string device = await guest.RunAsync($"cd {Driver}; for d in virtio*; do echo $d; done");
        await guest.RunAsync($"echo {device} > {Driver}/unbind");
        await guest.UntilAsync("[ ! -e /dev/vmchannel ] && [ ! -L /dev/vmch4 ]");
        await guest.RunAsync($"echo {device} > {Driver}/bind");
        await guest.UntilAsync($"[ -e {Name} ] && [ -e /dev/vmch2 ]");
        Assert.Equal("again", await guest.RunAsync(GuestScripts.Exchange(Name, "again")));
    }
}
