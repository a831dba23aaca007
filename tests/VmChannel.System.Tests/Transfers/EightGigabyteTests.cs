using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Transfers;

/// <summary>Eight ports at once, 1 GiB through each: half of them up, half of them down, checked byte by byte or by checksum.</summary>
public sealed class EightGigabyteTests
{
    private const int Ports = 8;

    [Fact]
    public async Task Ports_OneGibibyteThroughEachAtOnce_ArrivesAsItWasSent()
    {
        using TestFolder folder = new();
        await using ServeProcess serve = await ServeProcess.StartAsync(
            folder,
            [.. Enumerable.Range(1, Ports).SelectMany(port =>
                (string[])["-virtioserial", $"port={port},protocol=test.p{port},char=unix:{folder.File($"p{port}.sock")},server"])]);
        await using UmlGuest guest = await UmlGuest.BootAsync(serve);
        await guest.UntilAsync(string.Join(" && ", Enumerable.Range(1, Ports).Select(port => $"[ -e /dev/vmch{port} ]")));

        // 257 parts are a little more than 1 GiB.
        Pattern[] patterns = [.. Enumerable.Range(1, Ports).Select(port => new Pattern($"p{port}", 257))];
        Assert.All(patterns, pattern => Assert.True(pattern.Length > 1L << 30));
        await Task.WhenAll(patterns.Select((pattern, index) => index % 2 == 0
            ? UpAsync(guest, folder.File($"p{index + 1}.sock"), index + 1, pattern)
            : DownAsync(guest, folder.File($"p{index + 1}.sock"), index + 1, pattern)));
    }

    private static async Task UpAsync(Guest guest, string socket, int port, Pattern pattern)
    {
        using ChannelClient client = ChannelClient.Connect(socket);
        Task<string> writer = guest.RunAsync($"{pattern.GuestWriter} > /dev/vmch{port}", Patience.Long);
        Assert.Equal(pattern.Length, await pattern.CheckAsync(client.Stream));
        await writer;
    }

    private static async Task DownAsync(Guest guest, string socket, int port, Pattern pattern)
    {
        Task<string> expected = pattern.ChecksumAsync();
        using ChannelClient client = ChannelClient.Connect(socket);
        Task<string> reader = guest.RunAsync(GuestScripts.TakeChecksum($"/dev/vmch{port}", pattern.Length), Patience.Long);
        await pattern.WriteAsync(client.Stream);
        Assert.Equal(await expected, await reader);
    }
}
