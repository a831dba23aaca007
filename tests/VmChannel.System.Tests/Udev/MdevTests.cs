using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Udev;

/// <summary>BusyBox's mdev with the line of docs/guest.md, and none of our own processes.</summary>
public sealed class MdevTests
{
    private const string Early = "/dev/vmchannel/org/example/early";

    [Fact]
    public async Task Mdev_WithOurLine_MakesAndRemovesTheLinks()
    {
        string guide = await File.ReadAllTextAsync(Path.Combine(Executables.Repository, "docs/guest.md"), TestContext.Current.CancellationToken);
        string line = guide.Split('\n').Single(text => text.Contains("watch --once", StringComparison.Ordinal) && text.StartsWith("vport", StringComparison.Ordinal));
        using TestFolder folder = new();
        await using ServeProcess serve = await ServeProcess.StartAsync(folder, "-virtioserial", "protocol=org.example.early,service=echo");
        await using UmlGuest guest = await UmlGuest.BootAsync(serve, "vmtest.links=none");
        // The name comes from the host after the port, and mdev -s does not wait for it.
        await guest.UntilAsync("grep -q . /sys/class/virtio-ports/vport0p1/name 2>/dev/null");
        await guest.RunAsync($"""
            mkdir -p /etc
            ln -s bash /bin/sh
            ln -s busybox /bin/mdev
            echo root:x:0:0::/:/bin/sh >/etc/passwd
            printf 'root:x:0:\nvmchannel:x:77:\n' >/etc/group
            echo '{line}' >/etc/mdev.conf
            mdev -s
            """);
        Assert.Equal("at boot", await guest.RunAsync(GuestScripts.Exchange(Early, "at boot")));

        await guest.RunAsync("echo /bin/mdev >/proc/sys/kernel/hotplug");
        await PlugAndUnplugAsync(serve, guest, "started-by-the-kernel");

        await guest.RunAsync("echo >/proc/sys/kernel/hotplug; mdev -d");
        await PlugAndUnplugAsync(serve, guest, "as-a-daemon");
        Assert.Equal("still there", await guest.RunAsync(GuestScripts.Exchange(Early, "still there")));
    }

    /// <summary>Eight at once: mdev starts several programs at a time.</summary>
    private static async Task PlugAndUnplugAsync(ServeProcess serve, UmlGuest guest, string name)
    {
        string[] names = [.. Enumerable.Range(1, 8).Select(number => $"test.{name}.number{number}")];
        foreach (string each in names)
        {
            await ChangeAsync(serve, "plug", $"protocol={each},service=echo");
        }

        foreach (string each in names)
        {
            string path = Machine.PathOf(each);
            await guest.UntilAsync($"[ -e {path} ]");
            Assert.Equal(each, await guest.RunAsync(GuestScripts.Exchange(path, each)));
            // A program that mdev had started for another of them may have made the link before mdev itself came to this one.
            await guest.UntilAsync($"[ \"$(busybox stat -Lc '%u:%g %a' {path})\" = '0:77 660' ]");
        }

        foreach (string each in names)
        {
            await ChangeAsync(serve, "unplug", each);
        }

        await guest.UntilAsync("[ ! -e /dev/vmchannel/test ]");
    }

    private static async Task ChangeAsync(ServeProcess serve, params string[] words)
    {
        (int code, _, string errors) = await serve.CommandAsync(words);
        Assert.True(code == 0, errors);
    }
}
