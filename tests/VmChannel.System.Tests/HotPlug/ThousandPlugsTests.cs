using System.Globalization;
using VmChannel.Control;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.HotPlug;

/// <summary>A thousand ports come and go beside a busy one.</summary>
[Collection<UmlTests>]
public sealed class ThousandPlugsTests(UmlMachine machine) : GuestTests(machine)
{
    private const int Cycles = 1000;
    private const int WarmUp = 50;

    [Fact]
    public async Task PlugAndUnplug_AThousandTimesUnderTraffic_LeakNothingAndDisturbNobody()
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        ControlClient control = Machine.Serve.Control;
        using CancellationTokenSource enough = new();
        Task<int> traffic = EchoUntilAsync(enough.Token);
        await CycleAsync(WarmUp);
        int ports = (await control.GetPortsAsync("device", cancellation)).Count;
        int descriptors = Descriptors();
        long memory = ResidentKilobytes();
        long guestMemory = await GuestFreeKilobytesAsync();
        await CycleAsync(Cycles);

        Assert.Equal(ports, (await control.GetPortsAsync("device", cancellation)).Count);
        await Guest.UntilAsync("[ ! -e /sys/class/virtio-ports/vport0p20 ]");
        await Patience.UntilAsync(() => Descriptors() <= descriptors, () => $"{descriptors} descriptors became {Descriptors()}");

        // A port that stayed would cost 64 KiB at the least; the collector's own ups and downs are a few megabytes.
        Assert.InRange(ResidentKilobytes() - memory, long.MinValue, Cycles * 64L / 2);
        Assert.InRange(guestMemory - await GuestFreeKilobytesAsync(), long.MinValue, Cycles * 64L / 2);
        await enough.CancelAsync();
        Assert.InRange(await traffic, 1, int.MaxValue);

        async Task CycleAsync(int count)
        {
            for (int turn = 0; turn < count; turn++)
            {
                _ = await control.PlugAsync("device", $"port=20,protocol=test.cycle,char=unix:{Machine.File("cycle.sock")},server", cancellation);

                // Now and then the guest is given the time to take it; else it comes and goes over its head.
                if (turn % 10 == 0)
                {
                    await Patience.UntilAsync(() => IsReadyAsync().Result, () => "the guest never took the port");
                }

                _ = await control.UnplugAsync("device", "cycle", cancellation);
            }
        }

        async Task<bool> IsReadyAsync() => (await control.GetPortAsync("device", "cycle", cancellation)).IsNamed;
    }

    private int Descriptors() => Directory.GetFiles($"/proc/{Machine.Serve.Process.Id}/fd").Length;

    private long ResidentKilobytes() => Kilobytes(File.ReadLines($"/proc/{Machine.Serve.Process.Id}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal)));

    private async Task<long> GuestFreeKilobytesAsync() => Kilobytes(await Guest.RunAsync("sync; echo 3 >/proc/sys/vm/drop_caches; grep MemFree: /proc/meminfo"));

    private static long Kilobytes(string line) =>
        long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);

    /// <summary>Sends a pattern both ways on the port beside, again and again.</summary>
    /// <returns>How often.</returns>
    private async Task<int> EchoUntilAsync(CancellationToken enough)
    {
        int rounds = 0;
        using ChannelClient client = Machine.Connect(Machine.Spare);
        Task<string> guest = Guest.RunAsync($"exec 5<>{Machine.PathOf(Machine.Spare)}; while read -r line <&5 && [ $line != enough ]; do echo got $line >&5; cat /pattern >&5; done", Patience.Long);
        for (; !enough.IsCancellationRequested; rounds++)
        {
            await client.SendAsync($"{rounds}\n");
            await client.ExpectAsync($"got {rounds}\n");
            byte[] block = new byte[Pattern.Block.Length];
            await client.Stream.ReadExactlyAsync(block, CancellationToken.None).AsTask().WaitAsync(Patience.Short, CancellationToken.None);
            Assert.True(Pattern.Block.Span.SequenceEqual(block), $"round {rounds}: a byte is wrong");
        }

        await client.SendAsync("enough\n");
        await guest;
        return rounds;
    }
}
