using System.Diagnostics;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Usb;

/// <summary>Channels that a stock guest has as USB serial adapters.</summary>
[Collection<UsbTests>]
public sealed class AdapterTests(UsbMachine machine)
{
    private QemuGuest Guest => machine.Guest;

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
}
