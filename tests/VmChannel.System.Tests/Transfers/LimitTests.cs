using System.Diagnostics;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Transfers;

/// <summary>Rates and log files of a busy port.</summary>
[Collection<UmlTests>]
public sealed class LimitTests(UmlMachine machine) : GuestTests(machine)
{
    [Fact]
    public async Task Rate_BothWaysForSomeSeconds_IsKeptToATenth()
    {
        const int Rate = 4 << 20;
        const int Seconds = 4;
        const int Windows = 4;
        string path = await PlugAsync("test.rate", $"char=unix:{Machine.File("rate.sock")},server,rate={Rate}");
        Pattern up = new("rate-up", (Windows + 1) * Seconds);
        Pattern down = new("rate-down", (Windows + 1) * Seconds);
        using ChannelClient client = Machine.ConnectFile("rate.sock");
        Task<GuestResult> guest = Guest.TryAsync($"exec 5<>{path}; {up.GuestWriter} >&5 2>/dev/null & {{ {GuestScripts.Take(5, down.Length)}; }} | cksum; wait", Patience.Long);
        Task sender = down.WriteAsync(client.Stream);
        long position = await up.CheckAsync(client.Stream, 0, Rate / 4);
        Task<long> reader = up.CheckAsync(client.Stream, position);

        // More than the rate never passes. As much does where both ends are quick enough, which they are not while the machine is busy otherwise.
        (bool up, bool down) isReached = default;
        for (int window = 0; window < Windows && isReached != (true, true); window++)
        {
            (Control.PortCountersInfo Counters, long Before, long After) from = await LookAsync();
            await Task.Delay(TimeSpan.FromSeconds(Seconds), TestContext.Current.CancellationToken);
            (Control.PortCountersInfo Counters, long Before, long After) to = await LookAsync();
            (long Up, long Down) moved = (to.Counters.FromGuestBytes - from.Counters.FromGuestBytes, to.Counters.ToGuestBytes - from.Counters.ToGuestBytes);
            double most = Rate * 1.1 * Stopwatch.GetElapsedTime(from.Before, to.After).TotalSeconds;
            double least = Rate * 0.9 * Stopwatch.GetElapsedTime(from.After, to.Before).TotalSeconds;
            Assert.InRange(moved.Up, 1, most);
            Assert.InRange(moved.Down, 1, most);
            isReached = (isReached.up || moved.Up >= least, isReached.down || moved.Down >= least);
        }

        Assert.Equal((true, true), isReached);
        await SetAsync("test.rate", "rate=0");
        Assert.Equal(up.Length, await reader);
        await sender;
        Assert.Equal(await down.ChecksumAsync(), (await guest).Trimmed);
        await UnplugAsync("test.rate");

        // The counters are of some moment between the two.
        async Task<(Control.PortCountersInfo, long, long)> LookAsync()
        {
            long before = Stopwatch.GetTimestamp();
            return ((await Machine.Serve.Control.GetPortAsync("device", "test.rate", TestContext.Current.CancellationToken)).Counters, before, Stopwatch.GetTimestamp());
        }
    }

    [Fact]
    public async Task LogFile_OfALimitedSize_IsRotatedWithoutLosingAByte()
    {
        const int Size = 1 << 20;
        string log = Machine.File("guest.log");
        string path = await PlugAsync("test.log", $"char=unix:{Machine.File("log.sock")},server,logfile={log},logsize={Size},logkeep=9");
        Pattern pattern = new("log", 1);
        using ChannelClient client = Machine.ConnectFile("log.sock");
        Task<string> writer = Guest.RunAsync($"{pattern.GuestWriter} > {path}", Patience.Long);
        Assert.Equal(pattern.Length, await pattern.CheckAsync(client.Stream));
        await writer;
        await UnplugAsync("test.log");

        // Oldest first; the one that is written last.
        string[] files = [.. Enumerable.Range(1, 9).Reverse().Select(number => $"{log}.{number}").Where(File.Exists), log];
        Assert.Equal((pattern.Length + Size - 1) / Size, files.Length);
        Assert.All(files, file => Assert.InRange(new FileInfo(file).Length, 1, Size));
        long position = 0;
        foreach (string file in files)
        {
            using FileStream part = File.OpenRead(file);
            position = await pattern.CheckAsync(part, position);
        }

        Assert.Equal(pattern.Length, position);
    }
}
