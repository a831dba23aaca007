using System.Globalization;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Packages;

/// <summary>The packages in a Debian with real systemd, udev, dpkg and initramfs-tools.</summary>
public sealed class PackageTests(DebianMachine machine) : IClassFixture<DebianMachine>
{
    private const string Early = "/dev/vmchannel/org/example/early-bird";

    private Guest Guest => machine.Guest;

    [Fact]
    public async Task GuestPackage_InstalledUsedAndPurged_LeavesTheSystemAsItWas()
    {
        string echo = Machine.PathOf(DebianMachine.Echo);
        string[] before = await machine.StateAsync();
        await Guest.RunAsync("dpkg -i /root/vmchannel-guest_*.deb");

        // The channel that was there already.
        Assert.Equal("root:vmchannel 660", await Guest.RunAsync($"stat -Lc '%U:%G %a' {echo}"));
        Assert.Equal("hello", await Guest.RunAsync(GuestScripts.Exchange(echo, "hello")));
        Assert.Equal("member", await AsNobodyAsync("--groups vmchannel", GuestScripts.Exchange(echo, "member")));
        Assert.NotEqual("stranger", await AsNobodyAsync("--clear-groups", GuestScripts.Exchange(echo, "stranger")));

        await PlugAndUnplugAsync();
        await RunHandlerAsync();
        string initramfs = await MakeInitramfsAsync();

        await Guest.RunAsync("dpkg --purge vmchannel-guest");
        Assert.Equal(before, await machine.StateAsync());
        await BootAsync(initramfs);
    }

    [Fact]
    public async Task HostPackage_InstalledUsedAndPurged_LeavesTheSystemAsItWas()
    {
        const string File = """
            [vm.web]
            vhost-user = "/run/vmchannel/host1/web.sock"

            [[vm.web.port]]
            protocol = "org.example.log"
            service = "log"
            path = "web.log"

            [vm.db]
            vhost-user = "systemd:vhost-user"

            [[vm.db.port]]
            protocol = "org.example.echo"
            service = "echo"
            """;
        string[] before = await machine.StateAsync();
        await Guest.RunAsync("dpkg -i /root/vmchannel_*.deb");
        Assert.StartsWith("0.", await Guest.RunAsync("vmchannel --version"), StringComparison.Ordinal);
        Assert.Equal("", await Guest.RunAsync("systemd-analyze verify --man=no vmchannel@host1.service vmchannel@host1.socket 2>&1"));

        await Guest.RunAsync($"cat >/etc/vmchannel/host1.toml <<'END'\n{File}\nEND\nsystemctl start vmchannel@host1.socket");
        Assert.Equal("root:vmchannel 660", await Guest.RunAsync("stat -c '%U:%G %a' /run/vmchannel-host1.sock"));
        await Guest.RunAsync("systemctl start vmchannel@host1.service");
        Assert.Contains("Status: \"serving VMs: 2, ports: 2\"", await Guest.RunAsync("systemctl status vmchannel@host1.service"), StringComparison.Ordinal);
        string vms = await Guest.RunAsync("vmchannel vms");
        Assert.Contains("web", vms, StringComparison.Ordinal);
        Assert.Contains("db", vms, StringComparison.Ordinal);

        // A port more in the file.
        await Guest.RunAsync("printf '\\n[[vm.db.port]]\\nprotocol = \"org.example.more\"\\nservice = \"sink\"\\n' >>/etc/vmchannel/host1.toml; systemctl reload vmchannel@host1");
        await Guest.UntilAsync("vmchannel ports db | grep -q org.example.more");

        await Guest.RunAsync("rm /etc/vmchannel/host1.toml; dpkg --purge vmchannel");
        Assert.Equal(before, await machine.StateAsync());
    }

    private async Task PlugAndUnplugAsync()
    {
        const string Name = "org.example.hot-plugged";
        string path = Machine.PathOf(Name);
        await machine.PlugAsync($"protocol={Name},char=unix:{machine.File("hot.sock")},server");
        await Guest.UntilAsync($"[ -e {path} ] && [ $(stat -Lc %G {path}) = vmchannel ]");
        using (ChannelClient client = machine.Connect("hot.sock"))
        {
            await Guest.ExchangeAsync(path, client);
        }

        await machine.UnplugAsync(Name);
        await Guest.UntilAsync("[ ! -e /dev/vmchannel/org/example ]");
    }

    /// <summary>A handler starts with its channel, answers each client of the host, and goes with its channel; the journal has what went wrong.</summary>
    private async Task RunHandlerAsync()
    {
        const string Name = "org.example.hand-ler";
        const string File = $"/etc/vmchannel/handlers/{Name}";
        const string Unit = $"vmchannel-handler@{Name}.service";
        const string Handler = """
            #!/bin/sh
            read -r word
            case $word in
                fail) echo "cannot do that" >&2; exit 3 ;;
                *) echo "$word from $(id -Gn 2>/dev/null | grep -ow vmchannel | head -n 1)"; touch came; touch /etc/came ;;
            esac
            """;
        await machine.PlugAsync($"protocol={Name},char=unix:{machine.File("handler.sock")},server,on-guest-close=disconnect");
        await Guest.UntilAsync($"[ -e {Machine.PathOf(Name)} ]");
        await Guest.RunAsync($"cat >{File} <<'END'\n{Handler}\nEND\nchmod +x {File}; udevadm trigger --subsystem-match=virtio-ports");
        await AnswerAsync("hello", "hello from vmchannel\n");
        await AnswerAsync("fail", "");
        await AnswerAsync("again", "again from vmchannel\n");

        Assert.Equal("came", await Guest.RunAsync($"ls /var/lib/vmchannel-handlers/{Name}; ls /etc/came 2>/dev/null || true"));
        Assert.Contains($"Status: \"{Name}: ", await Guest.RunAsync($"systemctl status {Unit}"), StringComparison.Ordinal);
        // The journal has a line a moment after it was said.
        foreach (string line in (string[])["cannot do that", $"{Name}: {File} failed with exit code 3"])
        {
            await Guest.UntilAsync($"journalctl -o cat -u {Unit} | grep -q '{line}$'");
        }


        await machine.UnplugAsync(Name);
        await Guest.UntilAsync($"[ $(systemctl is-active {Unit}) = inactive ]");
        await machine.PlugAsync($"protocol={Name},char=unix:{machine.File("handler.sock")},server,on-guest-close=disconnect");
        await AnswerAsync("plugged", "plugged from vmchannel\n");
        await machine.UnplugAsync(Name);
        await Guest.UntilAsync($"[ $(systemctl is-active {Unit}) = inactive ]");
        await Guest.RunAsync($"rm {File}");
    }

    /// <summary>A client of the host says a word, and gets this answer to the end.</summary>
    private async Task AnswerAsync(string word, string answer)
    {
        using ChannelClient client = machine.Connect("handler.sock");
        await client.SendAsync($"{word}\n");
        Assert.Equal(answer, await client.ReceiveToEndAsync());
    }

    /// <summary>What the distribution's own tool makes, with a script that uses a channel before the root is mounted.</summary>
    /// <returns>Its path on the host.</returns>
    private async Task<string> MakeInitramfsAsync()
    {
        const string Report = "/etc/initramfs-tools/scripts/init-premount/report";
        string path = machine.File("initrd");
        await machine.PlugAsync($"protocol=org.example.image,char=file:{path}");
        await Guest.RunAsync($"printf '#!/bin/sh\\n[ \"$1\" = prereqs ] || readlink -f {Early} >{Early}\\n' >{Report}; chmod +x {Report}");
        await Guest.RunAsync("mkinitramfs -o /run/initrd", Patience.Long);
        string size = await Guest.RunAsync("stat -c %s /run/initrd");
        await Guest.RunAsync($"cat /run/initrd >/dev/vmchannel/org/example/image; rm /run/initrd {Report}", Patience.Long);
        await Patience.UntilAsync(() => new FileInfo(path).Length.ToString(CultureInfo.InvariantCulture) == size, () => $"{path} never had {size} bytes");
        await machine.UnplugAsync("org.example.image");
        return path;
    }

    private static async Task BootAsync(string initramfs)
    {
        using TestFolder folder = new();
        await using ServeProcess serve = await ServeProcess.StartAsync(
            folder, "-virtioserial", $"port=3,protocol=org.example.early-bird,char=unix:{folder.File("early.sock")},server");
        await using HostProcess kernel = await UmlGuest.StartAsync(
            serve, await DebianImage.KernelAsync(), initramfs, "mem=256M", "root=/dev/none", "vmchannel.wait=org.example.early-bird");
        using ChannelClient client = ChannelClient.Connect(folder.File("early.sock"));
        try
        {
            await client.ExpectAsync("/dev/vport0p3\n");
        }
        catch
        {
            TestContext.Current.TestOutputHelper?.WriteLine($"{kernel.Output}");
            throw;
        }
    }

    private async Task<string> AsNobodyAsync(string groups, string script) =>
        (await Guest.TryAsync($"setpriv --reuid nobody --regid nogroup {groups} bash -c '{script}'")).Trimmed;
}
