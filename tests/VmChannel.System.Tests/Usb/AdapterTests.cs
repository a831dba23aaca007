using System.Diagnostics;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Usb;

/// <summary>Channels that a stock guest has as USB serial adapters, on a machine. After each test the kernel has nothing more to complain about.</summary>
public abstract class AdapterTests(UsbMachine machine) : IAsyncLifetime
{
    private int _complaints;
    private bool _mayComplain;

    private protected UsbMachine Machine { get; } = machine;

    private protected QemuGuest Guest => Machine.Guest;

    public async ValueTask InitializeAsync() => _complaints = (await Machine.MessagesAsync(UsbMachine.Complaint)).Length;

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        string[] complaints = [.. (await Machine.MessagesAsync(UsbMachine.Complaint)).Skip(_complaints)];
        Assert.True(_mayComplain || complaints.Length == 0, string.Join('\n', complaints));
    }

    [Fact]
    public void Kernel_ThatFindsAdaptersAtABoot_HasNothingToComplainAbout()
    {
        Assert.Equal(4, Machine.KernelLog.Count(line => line.Contains("Detected FT232H", StringComparison.Ordinal)));
        foreach (string protocol in new[] { UsbMachine.Echo, UsbMachine.Held, UsbMachine.Second, UsbMachine.Spare })
        {
            _ = Assert.Single(Machine.KernelLog, line => line.Contains($"Product: vmchannel:{protocol}", StringComparison.Ordinal));
        }

        Assert.DoesNotContain(Machine.KernelLog, line => System.Text.RegularExpressions.Regex.IsMatch(line, UsbMachine.Complaint));
    }

    [Fact]
    public async Task Guest_ResetWhileAnAdapterIsOpen_FindsThemAllAgain()
    {
        string path = UsbMachine.PathOf(UsbMachine.Held);
        await using EventTrail trail = await EventTrail.StartAsync(Machine.Serve);
        using ChannelClient client = Machine.Connect(UsbMachine.Held);
        await Guest.RunAsync(GuestScripts.Hold(path));
        _ = await trail.WaitForAsync("guest-opened", UsbMachine.Held);
        await Machine.RebootAsync();
        _complaints = 0;

        _ = await trail.WaitForAsync("guest-closed", UsbMachine.Held);
        Kernel_ThatFindsAdaptersAtABoot_HasNothingToComplainAbout();
        await Guest.ExchangeAsync(path, client);
    }

    [Fact]
    public async Task Line_ToAService_ComesBack()
        => Assert.Equal("through a cable", await Guest.RunAsync(GuestScripts.Exchange(UsbMachine.PathOf(UsbMachine.Echo), "through a cable")));

    [Fact]
    public async Task BothDirections_AtOnce_KeepEveryByte()
    {
        const int Part = 4;
        Pattern up = new("up", Machine.Mebibytes / Part);
        Pattern down = new("down", Machine.Mebibytes / Part);
        using ChannelClient client = Machine.Connect(UsbMachine.Spare);
        string path = UsbMachine.PathOf(UsbMachine.Spare);
        Stopwatch time = Stopwatch.StartNew();
        Task<string> guest = Guest.RunAsync($"exec 5<>{path}; {up.GuestWriter} >&5 & head -c {down.Length} <&5 | cksum; wait", Patience.Long * 4);
        Task sender = down.WriteAsync(client.Stream);
        for (long position = 0; position < up.Length;)
        {
            long next = Math.Min(position + (up.Length / Part), up.Length);
            Assert.Equal(next, await up.CheckAsync(client.Stream, position, next));
            position = next;
        }

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
        Task<GuestResult> reader = Guest.TryAsync($"cat {path} >/tmp/carrier; cat /tmp/carrier; rm /tmp/carrier");
        using (ChannelClient client = Machine.Connect(UsbMachine.Second))
        {
            await client.SendAsync("while it is there\n");
            await Guest.UntilAsync("grep -q 'while it is there' /tmp/carrier 2>/dev/null");
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
            using ChannelClient client = Machine.Connect(UsbMachine.Held);
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
        using ChannelClient client = Machine.Connect(UsbMachine.Held);
        Task sender = pattern.WriteAsync(client.Stream);
        Task<string> checksum = Guest.RunAsync($"head -c {pattern.Length} {UsbMachine.PathOf(UsbMachine.Held)} | cksum", Patience.Long);

        Assert.Equal(await pattern.ChecksumAsync(), await checksum);
        await sender;
    }

    [Fact]
    public async Task States_OfBothEnds_AreTold()
    {
        await using EventTrail trail = await EventTrail.StartAsync(Machine.Serve);
        await Guest.RunAsync($"exec 5<>{UsbMachine.PathOf(UsbMachine.Spare)}; exec 5>&-");
        await trail.ExpectAsync(UsbMachine.Spare, @"guest-opened \d+", @"guest-closed \d+");
        using (Machine.Connect(UsbMachine.Spare))
        {
            await trail.ExpectAsync(UsbMachine.Spare, @"host-opened \d+ .*");
        }

        await trail.ExpectAsync(UsbMachine.Spare, @"host-closed \d+.*");
        (int code, string tree, _) = await Machine.Serve.CommandAsync("inspect", "device");
        Assert.Equal(0, code);
        Assert.Contains("USB serial adapter: ", tree, StringComparison.Ordinal);
        (code, string findings, _) = await Machine.Serve.CommandAsync("doctor", "device");
        Assert.DoesNotContain("adapter-not", findings, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Adapter_UnpluggedWhileItIsOpen_ComesBackOnTheSameConnection()
    {
        string path = UsbMachine.PathOf(UsbMachine.Second);
        await using EventTrail trail = await EventTrail.StartAsync(Machine.Serve);
        _mayComplain = true;
        Task<GuestResult> reader = Guest.TryAsync($"cat {path}");
        _ = await trail.WaitForAsync("guest-opened", UsbMachine.Second);
        (int code, _, string errors) = await Machine.Serve.CommandAsync("unplug", UsbMachine.Second);
        Assert.True(code == 0, errors);
        _ = await reader; // the end, or an error: the terminal is gone
        await Guest.UntilAsync($"[ ! -L {path} ]");

        (code, _, errors) = await Machine.Serve.CommandAsync("plug", $"transport=usb,protocol={UsbMachine.Second},char=unix:{Machine.SocketOf(UsbMachine.Second)},server");
        Assert.True(code == 0, errors);
        await Guest.UntilAsync($"[ -e {path} ]");
        using ChannelClient client = Machine.Connect(UsbMachine.Second);
        await Guest.ExchangeAsync(path, client);
    }

    [Fact]
    public async Task Adapter_ThatTheGuestResetsWhileItIsOpen_IsTheSameChannelAfterwards()
    {
        string path = UsbMachine.PathOf(UsbMachine.Second);
        await using EventTrail trail = await EventTrail.StartAsync(Machine.Serve);
        Task<GuestResult> reader = Guest.TryAsync($"cat {path}");
        await trail.ExpectAsync(UsbMachine.Second, @"guest-opened \d+");
        await Guest.RunAsync($"usbreset vmchannel:{UsbMachine.Second}");
        _ = await reader; // the driver starts over with another terminal
        _ = await trail.WaitForAsync("guest-closed", UsbMachine.Second);
        await Guest.UntilAsync($"[ -e {path} ]");
        using ChannelClient client = Machine.Connect(UsbMachine.Second);
        await Guest.ExchangeAsync(path, client);
    }
}

[Collection<UsbTests>]
public sealed class OldXhciAdapterTests(OldXhciMachine machine) : AdapterTests(machine);

[Collection<OldEhciTests>]
public sealed class OldEhciAdapterTests(OldEhciMachine machine) : AdapterTests(machine);

[Collection<NewXhciTests>]
public sealed class NewXhciAdapterTests(NewXhciMachine machine) : AdapterTests(machine);

[Collection<NewEhciTests>]
public sealed class NewEhciAdapterTests(NewEhciMachine machine) : AdapterTests(machine)
{
    [Fact]
    public async Task Udev_WithOurRule_KeepsOtherProgramsAway()
    {
        string path = UsbMachine.PathOf(UsbMachine.Echo);
        Assert.Matches("^/dev/ttyUSB[0-9]$", await Guest.RunAsync($"readlink -m {path}"));
        string terminal = await Guest.RunAsync($"udevadm info $(readlink -m {path})");
        Assert.Contains("ID_MM_DEVICE_IGNORE=1", terminal, StringComparison.Ordinal);
        Assert.Contains("ID_MM_PORT_IGNORE=1", terminal, StringComparison.Ordinal);
        string device = await Guest.RunAsync($"t=$(readlink -m {path}); udevadm info $(cd -P /sys/class/tty/${{t##*/}}/device/../.. && pwd -P)");
        Assert.Contains("ID_MM_DEVICE_IGNORE=1", device, StringComparison.Ordinal);

        // No getty, no screen reader: nothing is started for either.
        Assert.DoesNotContain("SYSTEMD_WANTS", terminal + device, StringComparison.Ordinal);
        Assert.DoesNotContain("BRLTTY", terminal + device, StringComparison.Ordinal);
    }
}
