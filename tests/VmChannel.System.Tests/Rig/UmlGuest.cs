namespace VmChannel.SystemTests.Rig;

/// <summary>A guest in User Mode Linux: one process, an ordinary user's.</summary>
internal sealed class UmlGuest : Guest
{
    private UmlGuest(HostProcess monitor)
        : base(monitor, monitor.Input, monitor.Errors)
    {
    }

    /// <param name="serve">The device.</param>
    /// <param name="arguments">More words for the kernel.</param>
    public static async Task<UmlGuest> BootAsync(ServeProcess serve, params string[] arguments)
    {
        GuestImage image = await GuestImage.ForUmlAsync();
        UmlGuest guest = new(await StartAsync(serve, image.Kernel, image.Archive, ["mem=256M", "vmtest.line=ttyS0", .. arguments]));
        await guest.WaitForFirstBootAsync();
        return guest;
    }

    /// <summary>Boots the Debian of <see cref="DebianImage"/>, with systemd.</summary>
    public static async Task<UmlGuest> BootDebianAsync(ServeProcess serve)
    {
        UmlGuest guest = new(await StartAsync(
            serve, await DebianImage.KernelAsync(), await DebianImage.ArchiveAsync(),
            "mem=768M", "rdinit=/sbin/init", "vmtest.line=ttyS0", "pty.legacy_count=0", "systemd.log_target=kmsg"));
        await guest.WaitForFirstBootAsync();
        return guest;
    }

    /// <summary>Starts a kernel with an archive of somebody else's: console on standard output, its first serial line on input and error.</summary>
    public static async Task<HostProcess> StartAsync(ServeProcess serve, string kernel, string archive, params string[] arguments)
    {
        bool namesDevice = arguments.Any(word => word.StartsWith("virtio_uml.", StringComparison.Ordinal));
        string[] device = namesDevice ? [] : await serve.ArgumentsForAsync("uml");
        string folder = Path.GetDirectoryName(serve.Socket)!;
        return HostProcess.Start(
        [
            kernel, $"initrd={archive}", .. device, $"uml_dir={folder}/", "umid=uml",
            "con=null", "con0=null,fd:1", "ssl=null", "ssl0=fd:0,fd:2", "panic=-1", "initcall_blacklist=raid6_select_algo", .. arguments,
        ]);
    }
}
