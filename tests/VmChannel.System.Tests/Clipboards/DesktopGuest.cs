using VmChannel.Cli.Fetch;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Clipboards;

/// <summary>A guest with an X server and SPICE's stock agent in it, from Debian's packages as they are; xclip is its user's program.</summary>
/// <param name="guest">The guest.</param>
/// <param name="mount">How its kernel sees a folder of the host: options and device of mount(8), where FOLDER is its path.</param>
internal class DesktopGuest(Guest guest, string mount)
{
    private protected const string AsUser = "chroot --userspec=1000:1000 /desktop";

    /// <summary>A shell word: <c>u PROGRAM</c> runs a program of the desktop as its user.</summary>
    private string User => $"u() {{ {Variables} {AsUser} \"$@\"; }}\n{Tools}\n";

    public virtual PackageSet Packages => PackageSets.Desktop;

    /// <summary>An image of the packages that the guest runs from: both sides can read it.</summary>
    public virtual string Image => "usr/share/icons/Adwaita/512x512/places/folder-pictures.png";

    /// <summary>Environment of the session's programs.</summary>
    private protected virtual string Variables => "DISPLAY=:7 HOME=/tmp XDG_RUNTIME_DIR=/tmp NO_AT_BRIDGE=1 LC_ALL=C.UTF-8";

    /// <summary>Shell words of the desktop's user: <c>copy SELECTION TYPE</c> and <c>paste SELECTION [TYPE]</c>.</summary>
    private protected virtual string Tools =>
        """
        copy() { u /usr/bin/xclip -i -selection $1 -t $2 >/dev/null 2>&1; }
        paste() { u /usr/bin/xclip -o -selection $1 ${2:+-t $2}; }
        """;

    private protected virtual string Owner => "/usr/bin/xclip -quiet -i -selection primary /tmp/owner.txt";

    public const string OnUml = "-t hostfs -o FOLDER none";

    /// <summary>Where both agents save files, as the guest sees it: a disk of 100 MiB.</summary>
    public const string Files = "/desktop/tmp/files";

    /// <summary>QEMU shares it under this tag (virtio-9p).</summary>
    public const string OnQemu = "-t 9p -o trans=virtio,version=9p2000.L,msize=524288,cache=loose desktop";

    public Guest Guest { get; } = guest;

    /// <summary>Starts the X server and both parts of SPICE's agent.</summary>
    public async Task StartAsync()
    {
        await StartDisplayAsync();
        await Guest.RunAsync("mkdir -p /dev/virtio-ports; ln -sf ../vmchannel/com/redhat/spice/0 /dev/virtio-ports/com.redhat.spice.0");
        await Guest.UntilAsync("[ -e /dev/virtio-ports/com.redhat.spice.0 ]");
        await StartDaemonAsync();
        await StartAgentAsync();
    }

    /// <summary>Starts the X server.</summary>
    public async Task StartDisplayAsync()
    {
        string packages = await GuestImage.RootOfAsync(Packages);
        await Guest.RunAsync(
            $"""
            set -e
            mkdir -p /host /desktop
            mount -r {mount.Replace("FOLDER", packages, StringComparison.Ordinal)} /host
            cd /desktop
            mkdir -p bin sbin lib lib64 usr dev proc sys run/spice-vdagentd etc var
            mkdir -m 1777 tmp
            mkdir tmp/files
            mount -t tmpfs -o size=100m,mode=1777 none tmp/files
            for folder in bin sbin lib lib64 usr; do mount --bind /host/$folder $folder; done
            for folder in dev proc sys; do mount --bind /$folder $folder; done
            cp -r /host/etc/. etc/
            echo user:x:1000:1000::/tmp:/bin/sh > etc/passwd
            """);
        await StartServerAsync();
    }

    private protected virtual async Task StartServerAsync()
    {
        await StartInBackgroundAsync("xvfb", "chroot /desktop", "/usr/bin/Xvfb :7 -ac -noreset -nolisten tcp -screen 0 800x600x24");
        await Guest.UntilAsync("[ -S /desktop/tmp/.X11-unix/X7 ]");
    }

    /// <summary>The system's part of the agent: it has the port open while somebody is logged in.</summary>
    public async Task StartDaemonAsync()
    {
        // No logind, and no pointer device: both are for more than a clipboard.
        await Guest.RunAsync("rm -f /desktop/run/spice-vdagentd/spice-vdagent-sock");
        await StartInBackgroundAsync("daemon", "chroot /desktop", "/usr/sbin/spice-vdagentd -x -d -X -f -u /dev/null");
        await Guest.UntilAsync("[ -S /desktop/run/spice-vdagentd/spice-vdagent-sock ]");
    }

    /// <summary>The session's part of the agent.</summary>
    public Task StartAgentAsync() => StartInBackgroundAsync("agent", AsUser, "/usr/bin/spice-vdagent -x -d -o 0 -f /tmp/files");

    /// <summary>Starts our own agent, which needs no part of the system's.</summary>
    public virtual async Task StartShareAsync()
    {
        await Guest.RunAsync("mkdir -p /tmp; [ -e /tmp/.X11-unix ] || ln -s /desktop/tmp/.X11-unix /tmp/.X11-unix");
        await StartShareHereAsync();
    }

    private protected async Task StartShareHereAsync()
    {
        await Guest.RunAsync($"({Variables} exec vmchannel-guest clipboard --files {Files}) </dev/null 3>&- >>/desktop/tmp/share.log 2>&1 & echo $! >/desktop/tmp/share.pid");
    }

    /// <summary>Starts a program that has marked something, and ends with it.</summary>
    public async Task StartOwnerAsync()
    {
        await Guest.RunAsync("printf short-lived > /desktop/tmp/owner.txt");
        await StartInBackgroundAsync("owner", AsUser, Owner);
    }

    /// <summary>Ends a program that was started here, by its name: <c>daemon</c>, <c>agent</c>, <c>share</c> or <c>owner</c>.</summary>
    public Task KillAsync(string name) => Guest.RunAsync($"pid=$(</desktop/tmp/{name}.pid); kill -9 $pid; while [ -e /proc/$pid ]; do sleep 0.02; done");

    /// <summary>A bash script in which <c>u</c> runs programs of the desktop as its user.</summary>
    public Task<string> RunAsync(string script, TimeSpan? patience = null) => Guest.RunAsync(User + script, patience);

    /// <summary>The user copies what a shell command prints.</summary>
    public Task CopyAsync(string command, string selection = "clipboard", string target = "UTF8_STRING")
        => RunAsync($"{command} | copy {selection} {target}");

    /// <summary>The user pastes until it is this text.</summary>
    public Task PasteUntilAsync(string text, string selection = "clipboard")
        => RunAsync(
            $"""
            for ((n = 0; n < 600; n++)); do
                last=$(paste {selection} 2>&1)
                [ "$last" = '{text}' ] && exit 0
                sleep 0.05
            done
            echo "the last paste was: $last"; exit 1
            """);

    /// <summary>Everything that the programs started here said.</summary>
    public Task<string> LogsAsync() => Guest.RunAsync("for log in xvfb sway cage daemon agent share; do echo \"--- $log\"; grep -v '^$' /desktop/tmp/$log.log 2>/dev/null || true; done");

    private protected Task<string> StartInBackgroundAsync(string name, string inside, string program)
        => RunAsync($"({Variables} exec {inside} {program}) </dev/null 3>&- >>/desktop/tmp/{name}.log 2>&1 & echo $! >/desktop/tmp/{name}.pid");
}
