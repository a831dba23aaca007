using System.Diagnostics;
using System.Text.RegularExpressions;
using VmChannel.Control;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Usb;

/// <summary>Channels that a stock guest imports over USB/IP, with the kernel's own driver and tool, through QEMU's user network.</summary>
[Collection<UsbTests>]
public sealed partial class UsbIpTests(OldXhciMachine machine) : IAsyncLifetime
{
    private const string Echo = "org.example.over.echo";
    private const string Stream = "org.example.over.stream";

    private const string ComplaintOfTheDriver = "^[0-4],.*(ftdi|ttyUSB)";

    private readonly TestFolder _folder = new();
    private ServeProcess _serve = null!;
    private string _usbIp = "";

    private QemuGuest Guest => machine.Guest;

    public async ValueTask InitializeAsync()
    {
        _serve = await ServeProcess.StartUsbIpAsync(
            _folder,
            "-usbserial", $"port=1,protocol={Echo},service=echo",
            "-usbserial", $"port=2,protocol={Stream},char=unix:{_folder.File("stream.host")},server");
        string listening = await _serve.Log.WaitForAsync("usbip: listening on 127.0.0.1:");
        _usbIp = $"usbip --tcp-port {listening[(listening.LastIndexOf(':') + 1)..]}";
        await Guest.RunAsync("ip addr replace 10.0.2.15/24 dev eth0 && ip link set eth0 up && mkdir -p /var/run");
    }

    public async ValueTask DisposeAsync()
    {
        await _serve.DisposeAsync();
        await Guest.UntilAsync($"! [ -e {Machine.PathOf(Echo)} ] && ! [ -e {Machine.PathOf(Stream)} ]");
        _folder.Dispose();
    }

    [Fact]
    public async Task Import_ByTheStockTool_IsAChannelUntilItIsDetached()
    {
        string list = await Guest.RunAsync($"{_usbIp} list --remote 10.0.2.2");
        Assert.Contains("1-1", list, StringComparison.Ordinal);
        Assert.Contains($"vmchannel:{Stream}", list, StringComparison.Ordinal);
        int complaintsBefore = (await machine.MessagesAsync(ComplaintOfTheDriver)).Length;

        await AttachAsync(1, Echo);
        await AttachAsync(2, Stream);
        Assert.Equal("through a network", await Guest.RunAsync(GuestScripts.Exchange(Machine.PathOf(Echo), "through a network")));
        GuestResult refused = await Guest.TryAsync($"{_usbIp} attach --remote 10.0.2.2 --busid 1-2");
        Assert.NotEqual(0, refused.Code);
        Assert.Contains("Device busy (exported)", refused.Output, StringComparison.Ordinal);
        await _serve.Log.WaitForAsync("usbip 1-2: the client at 127.0.0.1");

        await MoveAsync();
        await Guest.RunAsync(GuestScripts.Hold(Machine.PathOf(Stream)));
        await WaitForAsync(port => port.IsGuestOpen);
        await Guest.RunAsync(GuestScripts.LetGo);
        await WaitForAsync(port => !port.IsGuestOpen);

        string[] complaints = [.. (await machine.MessagesAsync(ComplaintOfTheDriver)).Skip(complaintsBefore)];
        Assert.True(complaints.Length == 0, string.Join('\n', complaints));

        // Unplugged while a program has it open, of which the driver does complain, then imported again.
        await Guest.RunAsync(GuestScripts.Hold(Machine.PathOf(Stream)));
        await WaitForAsync(port => port.IsGuestOpen);
        await Guest.RunAsync($"{_usbIp} detach --port {HubPortOf("1-2", await Guest.RunAsync($"{_usbIp} port"))}");
        await Guest.UntilAsync($"! [ -e {Machine.PathOf(Stream)} ]");
        await WaitForAsync(each => !each.IsGuestOpen);
        await Guest.RunAsync(GuestScripts.LetGo);
        await AttachAsync(2, Stream);
        using (ChannelClient client = ChannelClient.Connect(_folder.File("stream.host")))
        {
            await Guest.ExchangeAsync(Machine.PathOf(Stream), client);
        }
    }

    /// <summary>Of what <c>usbip port</c> prints: "Port 01: …", and two lines below "… -> usbip://10.0.2.2:3240/1-2".</summary>
    private static string HubPortOf(string busId, string list)
        => PortAndBusId().Matches(list).Single(match => match.Groups[2].Value == busId).Groups[1].Value;

    [GeneratedRegex(@"Port (\d+):[^:]*?\n.*\n.*usbip://[^/]*/(\S+)")]
    private static partial Regex PortAndBusId();

    private async Task AttachAsync(int number, string protocol)
    {
        await Guest.RunAsync($"{_usbIp} attach --remote 10.0.2.2 --busid 1-{number}");
        await Guest.UntilAsync($"[ -e {Machine.PathOf(protocol)} ]");
    }

    /// <summary>Moves a stream each way at the same time, and compares every byte.</summary>
    private async Task MoveAsync()
    {
        Pattern up = new("up", 1);
        Pattern down = new("down", 1);
        using ChannelClient client = ChannelClient.Connect(_folder.File("stream.host"));
        Stopwatch time = Stopwatch.StartNew();
        string path = Machine.PathOf(Stream);
        Task<string> guest = Guest.RunAsync($"exec 5<>{path}; {up.GuestWriter} >&5 & head -c {down.Length} <{path} | cksum; wait", Patience.Long);
        Task sender = down.WriteAsync(client.Stream);
        Assert.Equal(up.Length, await up.CheckAsync(client.Stream));
        Assert.Equal(await down.ChecksumAsync(), await guest);
        await sender;
        TestContext.Current.TestOutputHelper!.WriteLine($"{up.Length} bytes each way in {time.Elapsed}");
    }

    private async Task WaitForAsync(Func<PortInfo, bool> condition)
    {
        PortInfo? last = null;
        for (Stopwatch time = Stopwatch.StartNew(); time.Elapsed < Patience.Short; await Task.Delay(20))
        {
            last = await _serve.Control.GetPortAsync("device", Stream);
            if (condition(last))
            {
                return;
            }
        }

        Assert.Fail($"the port never was as it should: {last}");
    }
}
