using System.Globalization;
using VmChannel.SystemTests.Rig;
using VmChannel.Testing;

namespace VmChannel.SystemTests.Usb;

/// <summary>Adapters that QEMU fetches over TCP, and from servers that connect to it, plugged into a guest that runs.</summary>
[Collection<UsbTests>]
public sealed class PlaceTests(OldXhciMachine machine)
{
    private const string Name = "org.example.placed";

    private QemuGuest Guest => machine.Guest;

    [Theory]
    [InlineData("--usbredir", true)]
    [InlineData("--usbredir-connect", true)]
    [InlineData("--usbredir-connect", false)]
    public async Task Adapter_OverTcpOrFromAServerThatConnects_IsAChannelAgainAfterARestart(string option, bool isTcp)
    {
        using TestFolder folder = new();
        string port = TcpPort.Free().ToString(CultureInfo.InvariantCulture);
        string path = folder.File("qemu.usb");
        string socket = folder.File("host.sock");
        string place = isTcp ? $"tcp:127.0.0.1:{port}" : path;
        string address = isTcp
            ? $$"""{"type":"inet","data":{"host":"127.0.0.1","port":"{{port}}"} }"""
            : $$"""{"type":"unix","data":{"path":"{{path}}"} }""";
        string role = option == "--usbredir" ? "\"server\":false,\"reconnect\":1" : "\"server\":true,\"wait\":false";
        await Guest.Control.ExecuteAsync("chardev-add", $$"""{"id":"placed","backend":{"type":"socket","data":{"addr":{{address}},{{role}} } } }""");
        await Guest.Control.ExecuteAsync("device_add", """{"driver":"usb-redir","id":"placed","chardev":"placed","bus":"vmchannel-xhci0.0"}""");
        try
        {
            for (int start = 0; start < 2; start++)
            {
                await using ServeProcess serve = await ServeProcess.StartUsbAtAsync(
                    folder, option, place, "-usbserial", $"protocol={Name},char=unix:{socket},server");
                await Guest.UntilAsync($"[ -e {Machine.PathOf(Name)} ]");
                await MoveAsync(socket, isMuch: start == 0);
                Assert.Equal(0, await serve.StopAsync());
                await Guest.UntilAsync($"[ ! -L {Machine.PathOf(Name)} ]");
            }
        }
        finally
        {
            // QEMU's usb-redir takes its chardev with it.
            await Guest.Control.ExecuteAsync("device_del", """{"id":"placed"}""");
            await Guest.UntilAsync($"[ ! -L {Machine.PathOf(Name)} ]");
        }
    }

    private async Task MoveAsync(string socket, bool isMuch)
    {
        using ChannelClient client = ChannelClient.Connect(socket);
        await Guest.ExchangeAsync(Machine.PathOf(Name), client);
        if (!isMuch)
        {
            return;
        }

        Pattern up = new("up", 1);
        Task<string> written = Guest.RunAsync($"{up.GuestWriter} > {Machine.PathOf(Name)}", Patience.Long);
        Assert.Equal(up.Length, await up.CheckAsync(client.Stream));
        _ = await written;
        Pattern down = new("down", 1);
        Task<string> sum = Guest.RunAsync($"head -c {down.Length} {Machine.PathOf(Name)} | cksum", Patience.Long);
        await down.WriteAsync(client.Stream);
        Assert.Equal(await down.ChecksumAsync(), await sum);
    }
}
