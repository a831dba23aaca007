using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Packages;

/// <summary>A Debian with systemd and udev, in which the packages are not installed, shared by tests that leave it as it was.</summary>
public sealed class DebianMachine : IAsyncLifetime
{
    public const string Echo = "org.qemu.clipboard";

    /// <summary>
    /// What may differ after a package came and went: dpkg's own notes, and the group, which stays. Of passwd's files the rest is compared.
    /// </summary>
    private const string Excepted =
        "^/(var/lib/dpkg/(status|status-old|lock|lock-frontend|triggers/Lock|triggers/Unincorp)|var/log/dpkg.log|etc/(group|gshadow)-?) ";

    /// <remarks>Not the slices: systemd keeps an empty one in memory until the next boot.</remarks>
    private const string State =
        $$"""
        export LC_ALL=C
        find /etc /usr /var /boot /root /home /srv -printf '%p %y %m %u:%g %s %l\n' | grep -v -E '{{Excepted}}' | sort
        find /etc -type f ! -name 'group*' ! -name 'gshadow*' -exec cksum {} + | sort
        find /dev /run/systemd/system /run/udev/rules.d -printf '%p %y %m %u:%g %l\n' 2>/dev/null | sort
        grep -v '^vmchannel:' /etc/group /etc/gshadow
        systemctl list-unit-files --no-legend
        systemctl list-units --all --no-legend --plain 'vmchannel*'
        udevadm info --export-db | grep -i vmch
        true
        """;

    private readonly TestFolder _folder = new();

    internal ServeProcess Serve { get; private set; } = null!;

    internal Guest Guest { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Serve = await ServeProcess.StartAsync(_folder, "-virtioserial", $"port=4,protocol={Echo},service=echo");
        Guest = await UmlGuest.BootDebianAsync(Serve);
        await Guest.UntilAsync($"[ -e /dev/virtio-ports/{Echo} ] && [ $(systemctl is-system-running) = running ]");
    }

    public async ValueTask DisposeAsync()
    {
        await Guest.DisposeAsync();
        await Serve.DisposeAsync();
        _folder.Dispose();
    }

    internal string File(string name) => _folder.File(name);

    /// <summary>A program of the host connects to a channel whose host end is a socket of this name.</summary>
    internal ChannelClient Connect(string name) => ChannelClient.Connect(File(name));

    /// <summary>Everything that a package could leave behind, by lines.</summary>
    internal async Task<string[]> StateAsync() => (await Guest.RunAsync(State)).Split('\n');

    internal async Task PlugAsync(string options)
    {
        (int code, _, string errors) = await Serve.CommandAsync("plug", options);
        Assert.True(code == 0, errors);
    }

    internal async Task UnplugAsync(string protocol)
    {
        (int code, _, string errors) = await Serve.CommandAsync("unplug", protocol);
        Assert.True(code == 0, errors);
    }
}
