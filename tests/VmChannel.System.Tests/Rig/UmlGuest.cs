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
        UmlGuest guest = await StartAsync(serve, arguments);
        await guest.WaitForBootAsync(1);
        return guest;
    }

    /// <summary>Starts it without waiting for anything.</summary>
    public static async Task<UmlGuest> StartAsync(ServeProcess serve, params string[] arguments)
    {
        GuestImage image = await GuestImage.ForUmlAsync();
        string[] device = await serve.ArgumentsForAsync("uml");
        string folder = Path.GetDirectoryName(serve.Socket)!;
        return new(HostProcess.Start(
        [
            image.Kernel, "mem=256M", $"initrd={image.Archive}", .. device, $"uml_dir={folder}/", "umid=uml",
            "con=null", "con0=null,fd:1", "ssl=null", "ssl0=fd:0,fd:2", "vmtest.line=ttyS0",
            "panic=-1", "initcall_blacklist=raid6_select_algo", .. arguments,
        ]));
    }

    public override ValueTask DisposeAsync() => Monitor.DisposeAsync();
}
