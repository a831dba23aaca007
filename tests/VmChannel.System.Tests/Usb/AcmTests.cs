using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Usb;

/// <summary>An adapter of the Abstract Control Model, plugged into a guest that runs: Linux's <c>cdc_acm</c> makes a channel of it as of any other.</summary>
public abstract class AcmTests(UsbMachine machine) : IAsyncLifetime
{
    private const string Name = "org.example.acm";

    /// <summary>Of 4 MiB.</summary>
    private const int Parts = 16;
    private const string Complaint = $"{UsbMachine.Complaint}|^[0-4],.*(acm|ACM)";

    private readonly TestFolder _folder = new();
    private ServeProcess _serve = null!;
    private int _complaints;

    private protected static string Channel => Machine.PathOf(Name);

    private protected QemuGuest Guest => machine.Guest;

    private string Socket => _folder.File("host.sock");

    public async ValueTask InitializeAsync()
    {
        _complaints = (await machine.MessagesAsync(Complaint)).Length;
        string path = _folder.File("qemu.usb");
        await Guest.Control.ExecuteAsync(
            "chardev-add",
            $$"""{"id":"acm","backend":{"type":"socket","data":{"addr":{"type":"unix","data":{"path":"{{path}}"} },"server":true,"wait":false} } }""");
        await Guest.Control.ExecuteAsync("device_add", """{"driver":"usb-redir","id":"acm","chardev":"acm","bus":"vmchannel-xhci0.0"}""");
        _serve = await ServeProcess.StartUsbAtAsync(
            _folder, "--usbredir-connect", path, "-usbserial", $"protocol={Name},adapter=acm,char=unix:{Socket},server");
        await Guest.UntilAsync($"[ -e {Channel} ]");
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        string[] complaints = [.. (await machine.MessagesAsync(Complaint)).Skip(_complaints)];
        await _serve.DisposeAsync();

        // QEMU's usb-redir takes its chardev with it.
        await Guest.Control.ExecuteAsync("device_del", """{"id":"acm"}""");
        await Guest.UntilAsync($"[ ! -L {Channel} ]");
        _folder.Dispose();
        Assert.True(complaints.Length == 0, string.Join('\n', complaints));
    }

    [Fact]
    public async Task Adapter_IsATerminalOfTheGuestsModemDriver_AndSaysItsStates()
    {
        Assert.Matches("^/dev/ttyACM[0-9]$", await Guest.RunAsync($"readlink -m {Channel}"));
        Assert.Matches(@"org\.example\.acm +- +/dev/ttyACM[0-9]", await Guest.RunAsync("vmchannel-guest list"));
        await using EventTrail trail = await EventTrail.StartAsync(_serve);
        await Guest.RunAsync($"exec 5<>{Channel}; exec 5>&-");
        await trail.ExpectAsync(Name, @"guest-opened \d+", @"guest-closed \d+");
        using (ChannelClient client = ChannelClient.Connect(Socket))
        {
            await trail.ExpectAsync(Name, @"host-opened \d+ .*");
            await Guest.ExchangeAsync(Channel, client);
        }
    }

    [Fact]
    public async Task BothDirections_AtOnce_KeepEveryByte()
    {
        Pattern up = new("up", Parts);
        Pattern down = new("down", Parts);
        using ChannelClient client = ChannelClient.Connect(Socket);
        Task<string> guest = Guest.RunAsync($"exec 5<>{Channel}; {up.GuestWriter} >&5 & head -c {down.Length} <&5 | cksum; wait", Patience.Long);
        Task sender = down.WriteAsync(client.Stream);
        Assert.Equal(up.Length, await up.CheckAsync(client.Stream));
        Assert.Equal(await down.ChecksumAsync(), await guest);
        await sender;
    }

    [Fact]
    public async Task HostEnd_ThatComesAndGoes_IsTheCarrier()
    {
        await Guest.RunAsync($"stty -F {Channel} -clocal");
        Assert.Equal(124, (await Guest.TryAsync($"timeout 1 cat {Channel}")).Code);
        Task<GuestResult> reader = Guest.TryAsync($"cat {Channel} >/tmp/carrier; cat /tmp/carrier; rm /tmp/carrier");
        using (ChannelClient client = ChannelClient.Connect(Socket))
        {
            await client.SendAsync("while it is there\n");
            await Guest.UntilAsync("grep -q 'while it is there' /tmp/carrier 2>/dev/null");
        }

        Assert.Equal("while it is there", (await reader).Trimmed);
        await Guest.RunAsync($"stty -F {Channel} clocal");
    }

    [Fact]
    public async Task GuestBytes_WhileHostEndsComeAndGo_ContinueWhereTheLastStopped()
    {
        Pattern pattern = new("relay", 1);
        Task<string> writer = Guest.RunAsync($"{pattern.GuestWriter} > {Channel}", Patience.Long);
        long position;
        using (ChannelClient first = ChannelClient.Connect(Socket))
        {
            position = await pattern.CheckAsync(first.Stream, 0, pattern.Length / 2);
            first.StopReceiving();
            position = await pattern.CheckAsync(first.Stream, position);
            Assert.InRange(position, 1, pattern.Length - 1);
        }

        using ChannelClient second = ChannelClient.Connect(Socket);
        Assert.Equal(pattern.Length, await pattern.CheckAsync(second.Stream, position, pattern.Length));
        await writer;
    }
}

[Collection<UsbTests>]
public sealed class OldXhciAcmTests(OldXhciMachine machine) : AcmTests(machine);

[Collection<NewEhciTests>]
public sealed class NewEhciAcmTests(NewEhciMachine machine) : AcmTests(machine)
{
    [Fact]
    public async Task Udev_WithOurRule_KeepsOtherProgramsAway()
    {
        string terminal = await Guest.RunAsync($"udevadm info $(readlink -m {Channel})");
        Assert.Contains("ID_MM_DEVICE_IGNORE=1", terminal, StringComparison.Ordinal);
        Assert.Contains("ID_MM_PORT_IGNORE=1", terminal, StringComparison.Ordinal);
        Assert.DoesNotContain("SYSTEMD_WANTS", terminal, StringComparison.Ordinal);
    }
}
