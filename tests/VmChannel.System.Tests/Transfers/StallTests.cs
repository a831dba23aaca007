using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Transfers;

/// <summary>Linux's driver forgets a writer when somebody polls the same port; the device wakes it.</summary>
/// <remarks>
/// The poll takes back the used buffers of a full ring, so the interrupt that follows finds none and wakes nobody. It happens when
/// the last of them was taken back this way: a host end that reads in bursts makes that likely: with small writes it takes a hundred bursts or so.
/// </remarks>
public sealed class StallTests
{
    private const int WriteBytes = 64;
    private static readonly TimeSpan BetweenBursts = TimeSpan.FromMilliseconds(5);

    [Fact]
    public async Task Writer_BesideAPoller_GetsThrough()
    {
        using TestFolder folder = new();
        await using ServeProcess serve = await StartAsync(folder);
        await using QemuGuest guest = await QemuGuest.BootAsync(serve);
        using ChannelClient client = ChannelClient.Connect(folder.File("held.sock"));
        const int Writes = 100_000;
        Task<string> writer = guest.RunAsync(WriteAndPoll(Writes), Patience.Long);
        long length = await ReadInBurstsAsync(client, (long)Writes * WriteBytes, patience: Patience.Long);

        Assert.Equal((long)Writes * WriteBytes, length);
        await writer;
        Assert.Equal(0, await serve.StopAsync());
        Assert.Matches(@"port 1 \(test\.held\): .* [1-9]\d* writers woken", serve.Log.ToString());
    }

    [Fact]
    public async Task Writer_BesideAPollerWithoutTheNudge_StaysAsleep()
    {
        // Proves that the test above can fail: this driver still does it.
        using TestFolder folder = new();
        await using ServeProcess serve = await StartAsync(folder, "--no-wake-nudge");
        await using QemuGuest guest = await QemuGuest.BootAsync(serve);
        using ChannelClient client = ChannelClient.Connect(folder.File("held.sock"));
        const int Writes = 20_000_000;
        _ = guest.TryAsync(WriteAndPoll(Writes), Patience.Long).ContinueWith(task => task.Exception, TaskScheduler.Default);
        long length = 0;
        for (string place = ""; place != "wait_port_writable" || client.Stream.DataAvailable; place = await guest.RunAsync("cat /proc/$(</tmp/writer)/wchan"))
        {
            // A guest that is slow to write, or to be asked, is not asleep.
            length += await ReadInBurstsAsync(client, ((long)Writes * WriteBytes) - length, patience: TimeSpan.FromSeconds(3));
            Assert.InRange(length, 1, ((long)Writes * WriteBytes) - 1);
        }

        Assert.Equal(0, await serve.StopAsync());
        await serve.Log.WaitForAsync(" 0 writers woken");
    }

    private static Task<ServeProcess> StartAsync(TestFolder folder, params string[] options) => ServeProcess.StartAsync(
        folder, ["-virtioserial", $"port=1,protocol=test.held,char=unix:{folder.File("held.sock")},server", .. options]);

    // "read -t 0" is a poll that never reads.
    private static string WriteAndPoll(int writes) => $$"""
        until [ -e /dev/vmch1 ]; do sleep 0.02; done
        exec 5<>/dev/vmch1
        dd if=/dev/zero bs={{WriteBytes}} count={{writes}} status=none >&5 &
        echo $! >/tmp/writer
        while kill -0 $! 2>/dev/null; do read -t 0 <&5; done
        wait $!
        """;

    /// <summary>Lets the guest fill its ring, empties it at once, and so on.</summary>
    /// <returns>Bytes read: all, or those before nothing came for so long.</returns>
    private static async Task<long> ReadInBurstsAsync(ChannelClient client, long length, TimeSpan patience)
    {
        byte[] buffer = new byte[1 << 20];
        long total = 0;
        long last = Environment.TickCount64;

        // The first bytes may take as long as they like: the guest is still booting.
        while (total < length && (total == 0 || Environment.TickCount64 - last < patience.TotalMilliseconds))
        {
            await Task.Delay(BetweenBursts, CancellationToken.None);
            while (client.Stream.DataAvailable)
            {
                total += await client.Stream.ReadAsync(buffer, CancellationToken.None);
                last = Environment.TickCount64;
            }
        }

        return total;
    }
}
