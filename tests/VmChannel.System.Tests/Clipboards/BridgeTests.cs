using VmChannel.Control;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Clipboards;

/// <summary>One clipboard for the host's desktop, a guest with SPICE's agent and one without.</summary>
[Collection<UmlDesktopTests>]
public sealed class BridgeTests(UmlDesktop machine)
{
    [Fact]
    public async Task Bridge_DesktopAndTwoGuests_ShareOneClipboardWithoutALoop()
    {
        await UserNamespaces.RequireAsync();
        using TestFolder folder = new();
        await using HostDesktop desktop = await HostDesktop.StartX11Async(folder, wantsCookie: true);
        await using ServeProcess second = await ServeProcess.StartAsync(folder, "--name", "second", "-virtioserial", "protocol=org.qemu.clipboard");
        using ControlClient secondControl = new(ControlAddress.Unix(Path.Combine(second.Runtime, "vmchannel", "second.sock")));
        await using Guest plain = await UmlGuest.BootAsync(second);
        await plain.UntilAsync($"[ -e {Machine.PathOf("org.qemu.clipboard")} ]");
        string runtime = Path.Combine(folder.Root, "both", "vmchannel");
        _ = Directory.CreateDirectory(runtime, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        _ = File.CreateSymbolicLink(Path.Combine(runtime, "device.sock"), machine.Serve.ControlSocket);
        _ = File.CreateSymbolicLink(Path.Combine(runtime, "second.sock"), Path.Combine(second.Runtime, "vmchannel", "second.sock"));
        await using HostProcess bridge = HostProcess.Start(
            [Executables.VmChannel, "clipboard", "bridge", "device", "second"],
            start =>
            {
                desktop.Setup(start);
                start.Environment["XDG_RUNTIME_DIR"] = Path.GetDirectoryName(runtime);
            });
        await bridge.Errors.WaitForAsync("one clipboard: desktop, device, second");

        await desktop.CopyAsync("from the desktop");
        await machine.Desktop.PasteUntilAsync("from the desktop");
        await PastesInSecondAsync("from the desktop");

        await machine.Desktop.CopyAsync("printf 'from the first guest'");
        await desktop.PasteUntilAsync("from the first guest");
        await PastesInSecondAsync("from the first guest");

        Task<string> copy = plain.RunAsync("vmchannel-guest clipboard copy 'from the second guest'");
        await desktop.PasteUntilAsync("from the second guest");
        await machine.Desktop.PasteUntilAsync("from the second guest");
        await copy;

        // Nothing goes round: when all have it, nothing changes any more, but for an owner's end that is on its way.
        const int Rounds = 5;
        long[] before = [];
        long[] after = await ChangesAsync();
        for (int round = 0; round < Rounds && !after.SequenceEqual(before); round++)
        {
            before = after;
            await desktop.PasteUntilAsync("from the second guest");
            await Task.Delay(TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken);
            after = await ChangesAsync();
        }

        Assert.Equal(before, after);

        bridge.Signal(PosixSignalNumber.Terminate);
        Assert.Equal(0, await bridge.Ended.WaitAsync(Patience.Short, TestContext.Current.CancellationToken));
        Assert.DoesNotContain("tried again", bridge.Errors.ToString(), StringComparison.Ordinal);

        async Task<long[]> ChangesAsync() =>
            [await machine.ChangeAsync(), .. (await secondControl.GetClipboardAsync("second", "clipboard", TestContext.Current.CancellationToken)).Select(info => info.Change)];
        Task<string> PastesInSecondAsync(string text)
            => plain.RunAsync($"for ((n = 0; n < 600; n++)); do [ \"$(vmchannel-guest clipboard paste)\" = '{text}' ] && exit 0; sleep 0.05; done; exit 1");
    }

    [Fact]
    public async Task Bridge_DisplayWithoutItsCookie_IsRefusedWithTheReason()
    {
        await UserNamespaces.RequireAsync();
        using TestFolder folder = new();
        await using HostDesktop desktop = await HostDesktop.StartX11Async(folder, wantsCookie: true);
        await using HostProcess bridge = HostProcess.Start(
            [Executables.VmChannel, "clipboard", "bridge", "device", "--control", machine.Serve.ControlSocket],
            start =>
            {
                desktop.Setup(start);
                start.Environment["XAUTHORITY"] = folder.File("nothing");
            });
        Assert.Equal(1, await bridge.Ended.WaitAsync(Patience.Short, TestContext.Current.CancellationToken));
        Assert.Contains($"display {desktop.Display} does not let us in: ", bridge.Errors.ToString(), StringComparison.Ordinal);
    }

    /// <summary>The desktop's session ends while it is bridged, and another begins.</summary>
    [Fact]
    public async Task Bridge_WaylandDesktopThatEndsAndComesBack_GoesOn()
    {
        await UserNamespaces.RequireAsync();
        using TestFolder folder = new();
        await using HostDesktop first = await HostDesktop.StartWaylandAsync(folder);
        await using HostProcess bridge = HostProcess.Start([Executables.VmChannel, "clipboard", "bridge", "device", "--control", machine.Serve.ControlSocket], first.Setup);
        await bridge.Errors.WaitForAsync("one clipboard: desktop, device");

        await first.CopyAsync("from Wayland");
        await machine.Desktop.PasteUntilAsync("from Wayland");
        await machine.Desktop.CopyAsync("printf 'from the guest'");
        await first.PasteUntilAsync("from the guest");

        await first.StopAsync();
        await bridge.Errors.WaitForAsync("desktop: compositor wayland-1 has gone; it is tried again");
        await using HostDesktop second = await HostDesktop.StartWaylandAsync(folder);
        await second.CopyAsync("from another session");
        await machine.Desktop.PasteUntilAsync("from another session");
        bridge.Signal(PosixSignalNumber.Terminate);
        Assert.Equal(0, await bridge.Ended.WaitAsync(Patience.Short, TestContext.Current.CancellationToken));
    }
}
