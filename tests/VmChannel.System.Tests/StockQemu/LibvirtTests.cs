using VmChannel.Control;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.StockQemu;

/// <summary>A domain of libvirt: its channels' sockets, and a monitor beside libvirt's own.</summary>
public sealed class LibvirtTests
{
    private const string Bound = "org.example.bound";
    private const string Connected = "org.example.connected";
    private const string Added = "org.example.added";

    [Fact]
    public async Task Domain_WithChannelsAndASecondMonitor_CarriesBothKinds()
    {
        await UserNamespaces.RequireAsync();
        using TestFolder folder = new();
        string monitor = folder.File("web.qmp");
        await using ServeProcess attached = await ServeProcess.StartSocketsAsync(
            folder,
            "--attach", $"{Bound}=unix:{folder.File("bound.vmm")}",
            "--attach", $"{Connected}=unix:{folder.File("connected.vmm")},server",
            "-virtioserial", $"port=1,protocol={Bound},char=unix:{folder.File("bound.sock")},server",
            "-virtioserial", $"port=2,protocol={Connected},service=echo");
        await using LibvirtGuest guest = await LibvirtGuest.BootAsync(
            folder,
            $"""
            <channel type='unix'>
              <source mode='bind' path='{folder.File("bound.vmm")}'/>
              <target type='virtio' name='{Bound}'/>
            </channel>
            <channel type='unix'>
              <source mode='connect' path='{folder.File("connected.vmm")}'><reconnect enabled='yes' timeout='1'/></source>
              <target type='virtio' name='{Connected}'/>
            </channel>
            """,
            monitor);
        await guest.UntilAsync($"[ -e {Machine.PathOf(Bound)} ] && [ -e {Machine.PathOf(Connected)} ]");
        Assert.Equal("out and back", await guest.RunAsync(GuestScripts.Exchange(Machine.PathOf(Connected), "out and back")));
        Pattern pattern = new("libvirt", 1);
        using (ChannelClient client = ChannelClient.Connect(folder.File("bound.sock")))
        {
            await guest.ExchangeAsync(Machine.PathOf(Bound), client);
            Task<string> written = guest.RunAsync($"{pattern.GuestWriter} > {Machine.PathOf(Bound)}", Patience.Long);
            Assert.Equal(pattern.Length, await pattern.CheckAsync(client.Stream));
            _ = await written;
        }

        await using ServeProcess plugged = await ServeProcess.StartQmpAsync(folder, monitor, "-virtioserial", $"port=5,protocol={Added},service=echo");
        await guest.UntilAsync($"[ -e {Machine.PathOf(Added)} ]");
        Assert.Equal("added", await guest.RunAsync(GuestScripts.Exchange(Machine.PathOf(Added), "added")));

        // libvirt goes on with its domain meanwhile.
        await guest.VirshAsync("suspend", "web");
        await UntilAsync(plugged, VmState.Suspended);
        await guest.VirshAsync("resume", "web");
        await UntilAsync(plugged, VmState.Running);
        Assert.Equal(0, await plugged.StopAsync());
        await guest.UntilAsync($"[ ! -e {Machine.PathOf(Added)} ] && [ -e {Machine.PathOf(Bound)} ]");
    }

    private static Task UntilAsync(ServeProcess serve, VmState state)
        => Patience.UntilAsync(
            () => serve.Control.GetVmsAsync(CancellationToken.None).GetAwaiter().GetResult().Single().State == state, () => $"never {state}\n{serve.Log}");
}
