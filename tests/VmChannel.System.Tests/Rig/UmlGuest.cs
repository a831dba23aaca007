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
        bool namesDevice = arguments.Any(word => word.StartsWith("virtio_uml.", StringComparison.Ordinal));
        string[] device = namesDevice ? [] : await serve.ArgumentsForAsync("uml");
        string folder = Path.GetDirectoryName(serve.Socket)!;
        UmlGuest guest = new(HostProcess.Start(
        [
            image.Kernel, "mem=256M", $"initrd={image.Archive}", .. device, $"uml_dir={folder}/", "umid=uml",
            "con=null", "con0=null,fd:1", "ssl=null", "ssl0=fd:0,fd:2", "vmtest.line=ttyS0",
            "panic=-1", "initcall_blacklist=raid6_select_algo", .. arguments,
        ]));
        await guest.WaitForFirstBootAsync();
        return guest;
    }
}
