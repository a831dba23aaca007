using System.Diagnostics;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Usb;

/// <summary>Channels that a stock guest has as USB serial adapters.</summary>
[Collection<UsbTests>]
public sealed class AdapterTests(UsbMachine machine)
{
    private QemuGuest Guest => machine.Guest;

    [Fact]
    public void Kernel_ThatFindsAndUsesAdapters_HasNothingToComplainAbout()
    {
        string log = machine.KernelLog;
        Assert.Contains("usb 1-1: Detected FT232H", log, StringComparison.Ordinal);
        foreach (string protocol in new[] { UsbMachine.Echo, UsbMachine.Held, UsbMachine.Second, UsbMachine.Spare })
        {
            Assert.Contains($"Product: vmchannel:{protocol}", log, StringComparison.Ordinal);
        }

        // Of warnings and worse, none is about USB.
        Assert.DoesNotMatch("(?m)^[0-4],.*(ftdi|usb|xhci|tty)", log);
    }

    [Fact]
    public async Task Line_ToAService_ComesBack()
        => Assert.Equal("through a cable", await Guest.RunAsync(GuestScripts.Exchange(UsbMachine.PathOf(UsbMachine.Echo), "through a cable")));

    [Fact]
    public async Task BothDirections_AtOnce_KeepEveryByte()
    {
        Pattern up = new("up", 4);
        Pattern down = new("down", 4);
        using ChannelClient client = machine.Connect(UsbMachine.Spare);
        string path = UsbMachine.PathOf(UsbMachine.Spare);
        Stopwatch time = Stopwatch.StartNew();
        Task<string> guest = Guest.RunAsync($"exec 5<>{path}; {up.GuestWriter} >&5 & head -c {down.Length} <&5 | cksum; wait", Patience.Long);
        Task sender = down.WriteAsync(client.Stream);

        Assert.Equal(up.Length, await up.CheckAsync(client.Stream));
        Assert.Equal(await down.ChecksumAsync(), await guest);
        await sender;
        TestContext.Current.TestOutputHelper!.WriteLine($"{up.Length} bytes each way in {time.Elapsed}");
    }

    [Fact]
    public async Task HostEnd_ThatComesAndGoes_IsTheCarrier()
    {
        string path = UsbMachine.PathOf(UsbMachine.Second);
        await Guest.RunAsync($"stty -F {path} -clocal");
        Assert.Equal(124, (await Guest.TryAsync($"timeout 1 cat {path}")).Code);
        Task<GuestResult> reader = Guest.TryAsync($"cat {path} >/tmp/carrier; cat /tmp/carrier");
        using (ChannelClient client = machine.Connect(UsbMachine.Second))
        {
            await client.SendAsync("while it is there\n");
            await Guest.UntilAsync("[ -s /tmp/carrier ]");
        }

        // Without a carrier the terminal hangs up, which throws away what nobody has read.
        Assert.Equal("while it is there", (await reader).Trimmed);
        await Guest.RunAsync($"stty -F {path} clocal");
    }

    [Fact]
    public async Task GuestBytes_WhileHostEndsComeAndGo_ContinueWhereTheLastStopped()
    {
        Pattern pattern = new("relay", 1);
        Task<string> writer = Guest.RunAsync($"{pattern.GuestWriter} > {UsbMachine.PathOf(UsbMachine.Held)}", Patience.Long);
        long position = 0;
        const int Clients = 4;
        for (int turn = 1; turn <= Clients; turn++)
        {
            using ChannelClient client = machine.Connect(UsbMachine.Held);
            position = await pattern.CheckAsync(client.Stream, position, pattern.Length * turn / Clients);
            if (turn < Clients)
            {
                client.StopReceiving();
                position = await pattern.CheckAsync(client.Stream, position);
                Assert.InRange(position, 1, pattern.Length - 1);
            }
        }

        Assert.Equal(pattern.Length, position);
        await writer;
    }

    [Fact]
    public async Task HostBytes_SentBeforeTheGuestOpens_AreAllDelivered()
    {
        Pattern pattern = new("early", 1);
        using ChannelClient client = machine.Connect(UsbMachine.Held);
        Task sender = pattern.WriteAsync(client.Stream);
        Task<string> checksum = Guest.RunAsync($"head -c {pattern.Length} {UsbMachine.PathOf(UsbMachine.Held)} | cksum", Patience.Long);

        Assert.Equal(await pattern.ChecksumAsync(), await checksum);
        await sender;
    }

    [Fact]
    public async Task States_OfBothEnds_AreTold()
    {
        await using EventTrail trail = await EventTrail.StartAsync(machine.Serve);
        await Guest.RunAsync($"exec 5<>{UsbMachine.PathOf(UsbMachine.Spare)}; exec 5>&-");
        await trail.ExpectAsync(UsbMachine.Spare, @"guest-opened \d+", @"guest-closed \d+");
        using (machine.Connect(UsbMachine.Spare))
        {
            await trail.ExpectAsync(UsbMachine.Spare, @"host-opened \d+ .*");
        }

        await trail.ExpectAsync(UsbMachine.Spare, @"host-closed \d+.*");
        (int code, string tree, _) = await machine.Serve.CommandAsync("inspect", "device");
        Assert.Equal(0, code);
        Assert.Contains("USB serial adapter: ", tree, StringComparison.Ordinal);
        (code, string findings, _) = await machine.Serve.CommandAsync("doctor", "device");
        Assert.DoesNotContain("adapter-not", findings, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Adapter_UnpluggedWhileItIsOpen_ComesBackOnTheSameConnection()
    {
        string path = UsbMachine.PathOf(UsbMachine.Second);
        Task<GuestResult> reader = Guest.TryAsync($"cat {path}");
        await Patience.UntilAsync(() => machine.Serve.Log.ToString().Contains($"({UsbMachine.Second}): guest opened", StringComparison.Ordinal), () => "never opened");
        (int code, _, string errors) = await machine.Serve.CommandAsync("unplug", UsbMachine.Second);
        Assert.True(code == 0, errors);
        _ = await reader; // the end, or an error: the terminal is gone
        await Guest.UntilAsync($"[ ! -L {path} ]");

        (code, _, errors) = await machine.Serve.CommandAsync("plug", $"transport=usb,protocol={UsbMachine.Second},char=unix:{machine.SocketOf(UsbMachine.Second)},server");
        Assert.True(code == 0, errors);
        await Guest.UntilAsync($"[ -e {path} ]");
        using ChannelClient client = machine.Connect(UsbMachine.Second);
        await Guest.ExchangeAsync(path, client);
    }
}
