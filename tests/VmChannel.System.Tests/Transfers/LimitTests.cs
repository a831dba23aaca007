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
        string path = await PlugAsync("test.rate", $"char=unix:{Machine.File("rate.sock")},server,rate={Rate}");
        Pattern up = new("rate-up", Seconds + 4);
        Pattern down = new("rate-down", Seconds + 4);
        using ChannelClient client = Machine.ConnectFile("rate.sock");
        Task<GuestResult> guest = Guest.TryAsync($"exec 5<>{path}; {up.GuestWriter} >&5 2>/dev/null & head -c {down.Length} <&5 | cksum; wait", Patience.Long);
        Task sender = down.WriteAsync(client.Stream);
        long position = await up.CheckAsync(client.Stream, 0, Rate / 4);

        // Counted between two looks at the counters, each with the time at which it was taken: a slow machine looks later, and sees more.
        (Control.PortCountersInfo Counters, long At) from = await LookAsync();
        Task<long> reader = up.CheckAsync(client.Stream, position);
        await Task.Delay(TimeSpan.FromSeconds(Seconds), TestContext.Current.CancellationToken);
        (Control.PortCountersInfo Counters, long At) to = await LookAsync();
        double expected = Rate * Stopwatch.GetElapsedTime(from.At, to.At).TotalSeconds;
        Assert.InRange(to.Counters.FromGuestBytes - from.Counters.FromGuestBytes, expected * 0.9, expected * 1.1);
        Assert.InRange(to.Counters.ToGuestBytes - from.Counters.ToGuestBytes, expected * 0.9, expected * 1.1);

        await SetAsync("test.rate", "rate=0");
        Assert.Equal(up.Length, await reader);
        await sender;
        Assert.Equal(await down.ChecksumAsync(), (await guest).Trimmed);
        await UnplugAsync("test.rate");

        async Task<(Control.PortCountersInfo, long)> LookAsync() =>
            ((await Machine.Serve.Control.GetPortAsync("device", "test.rate", TestContext.Current.CancellationToken)).Counters, Stopwatch.GetTimestamp());
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
