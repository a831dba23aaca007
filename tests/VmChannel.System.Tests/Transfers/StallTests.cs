using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Transfers;

/// <summary>Linux's driver forgets a writer when somebody polls the same port; the device wakes it.</summary>
/// <remarks>A poll takes back the used buffers, so the interrupt that follows finds none and wakes nobody.</remarks>
public sealed class StallTests
{
    [Fact]
    public async Task Writer_BesideAPoller_GetsThroughWithTheNudge()
    {
        using TestFolder folder = new();
        await using ServeProcess serve = await StartAsync(folder);
        await using QemuGuest guest = await QemuGuest.BootAsync(serve);
        Pattern pattern = new("nudge", 24);
        using ChannelClient client = ChannelClient.Connect(folder.File("held.sock"));
        Task<string> writer = guest.RunAsync(WriteAndPoll(pattern), Patience.Long);

        Assert.Equal(pattern.Length, await pattern.CheckAsync(client.Stream));
        await writer;
    }

    [Fact]
    public async Task Writer_BesideAPoller_StallsWithoutTheNudge()
    {
        // Proves that the test above can fail, and that the driver still does this.
        using TestFolder folder = new();
        await using ServeProcess serve = await StartAsync(folder, "--no-wake-nudge");
        await using QemuGuest guest = await QemuGuest.BootAsync(serve);
        Pattern pattern = new("stall", 24);
        using ChannelClient client = ChannelClient.Connect(folder.File("held.sock"));
        Task<GuestResult> writer = guest.TryAsync(WriteAndPoll(pattern), Patience.Long);
        _ = writer.ContinueWith(task => task.Exception, TaskScheduler.Default);
        Task<long> reader = pattern.CheckAsync(client.Stream);

        // A writer asleep in the driver although everything it wrote has been taken.
        string stalled = "for ((n = 0; n < 50; n++)); do [ \"$(cat /proc/$(cat /tmp/writer)/wchan)\" = wait_port_writable ] || exit 1; sleep 0.02; done";
        await guest.UntilAsync($"({stalled})");
        Assert.False(reader.IsCompleted);
    }

    private static Task<ServeProcess> StartAsync(TestFolder folder, params string[] options) => ServeProcess.StartAsync(
        folder, ["-virtioserial", $"port=1,protocol=test.held,char=unix:{folder.File("held.sock")},server", .. options]);

    // "read -t 0" is a poll that never reads.
    private static string WriteAndPoll(Pattern pattern) => $$"""
        until [ -e /dev/vmch1 ]; do sleep 0.02; done
        exec 5<>/dev/vmch1
        {{pattern.GuestWriter}} >&5 &
        writer=$!
        while kill -0 $writer 2>/dev/null; do read -t 0 <&5; done
        wait $writer
        """;
}
