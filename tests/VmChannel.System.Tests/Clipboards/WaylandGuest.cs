using VmChannel.Cli.Fetch;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Clipboards;

/// <summary>A guest with sway in it, which needs no screen; wl-copy and wl-paste are its user's programs.</summary>
internal sealed class WaylandGuest(Guest guest) : DesktopGuest(guest, OnUml)
{
    /// <summary>Where another compositor, which lacks data control, has its socket.</summary>
    public const string Kiosk = "/desktop/tmp/kiosk";

    public override PackageSet Packages => PackageSets.WaylandDesktop;

    private protected override string Variables => "WAYLAND_DISPLAY=wayland-1 HOME=/tmp XDG_RUNTIME_DIR=/tmp/run LC_ALL=C.UTF-8 WLR_BACKENDS=headless WLR_HEADLESS_OUTPUTS=0 WLR_RENDERER=pixman WLR_LIBINPUT_NO_DEVICES=1";

    private protected override string Tools =>
        """
        copy() { u /usr/bin/wl-copy $([ $1 = primary ] && echo -p) -t $2 >/dev/null 2>&1; }
        paste() { u /usr/bin/wl-paste -n $([ $1 = primary ] && echo -p) ${2:+-t $2}; }
        """;

    public override string Image => "usr/share/backgrounds/sway/Sway_Wallpaper_Blue_1920x1080.png";

    // As xclip would, it has a shell between it and its input.
    private protected override string Owner => "/bin/sh -c 'exec /usr/bin/wl-copy -f -p -t UTF8_STRING < /tmp/owner.txt'";

    /// <summary>The tool runs outside the user's root, and finds the compositor by its path.</summary>
    public override async Task StartShareAsync()
    {
        await Guest.RunAsync("mkdir -p /tmp; [ -e /tmp/run ] || ln -s /desktop/tmp/run /tmp/run");
        await StartShareHereAsync();
    }

    /// <summary>Starts the other compositor, unless it runs.</summary>
    public async Task StartKioskAsync()
    {
        if ((await Guest.TryAsync($"mkdir -m 700 {Kiosk} && busybox chown 1000:1000 {Kiosk}")).Code == 0)
        {
            // It insists on an Xwayland, which it would start when somebody connects to that.
            await StartInBackgroundAsync("cage", $"{AsUser} /usr/bin/env XDG_RUNTIME_DIR=/tmp/kiosk WLR_XWAYLAND=/bin/false", "/usr/bin/cage -- /bin/sleep 100000");
        }

        await Guest.UntilAsync($"ls {Kiosk}/wayland-? >/dev/null 2>&1");
    }

    private protected override async Task StartServerAsync()
    {
        await Guest.RunAsync("mkdir -m 700 /desktop/tmp/run; : > /desktop/tmp/sway.conf; busybox chown 1000:1000 /desktop/tmp/run");
        await StartInBackgroundAsync("sway", AsUser, "/usr/bin/sway -c /tmp/sway.conf");
        await Guest.UntilAsync("[ -S /desktop/tmp/run/wayland-1 ]");
    }
}
