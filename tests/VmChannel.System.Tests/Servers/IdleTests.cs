using System.Globalization;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Servers;

/// <summary>A server with nothing to do does nothing.</summary>
public sealed class IdleTests
{
    /// <param name="poll">Looking around is for while there is traffic, and there is some before the silence.</param>
    [Theory]
    [InlineData("0")]
    [InlineData("1000")]
    public async Task Serve_WithAnIdleGuestAndClients_UsesNoProcessorTimeAndLittleMemory(string poll)
    {
        using TestFolder folder = new();
        await using ServeProcess serve = await ServeProcess.StartAsync(
            folder,
            "--poll-us", poll,
            "-virtioserial", $"port=1,protocol=test.held,char=unix:{folder.File("held.sock")},server",
            "-virtioserial", $"port=2,protocol=test.pty,char=pty,path={folder.File("pty")}",
            "-virtioserial", $"port=3,protocol=test.later,char=unix:{folder.File("nobody.sock")},reconnect-ms=60000",
            "-virtioserial", "port=4,protocol=test.echo,service=echo",
            "-virtioserial", "port=5,protocol=org.qemu.clipboard");
        await using UmlGuest guest = await UmlGuest.BootAsync(serve);
        await guest.UntilAsync("[ -e /dev/vmch1 ] && [ -e /dev/vmch4 ] && [ -e /dev/vmch5 ]");
        _ = await guest.RunAsync("head -c 2M /dev/urandom > /tmp/sent; exec 4<>/dev/vmch4; cat /tmp/sent >&4 & head -c 2M <&4 | cmp - /tmp/sent; exec 4>&-; rm /tmp/sent");
        using ChannelClient client = ChannelClient.Connect(folder.File("held.sock"));

        // A program that waits for its host end, and a host end that waits for its guest.
        Task<GuestResult> waiting = guest.TryAsync("exec 5</dev/vmch1; until read -r line <&5; do sleep 0.02; done; echo $line");
        await serve.Log.WaitForAsync("port 1 (test.held): guest opened");

        // What it had to do to write that line may still go on.
        await serve.Process.UntilAsleepAsync();
        long before = serve.Process.ProcessorTicks();
        await Task.Delay(TimeSpan.FromSeconds(2), TestContext.Current.CancellationToken);
        long after = serve.Process.ProcessorTicks();

        Assert.Equal(before, after);
        long residentKiB = ResidentKiB(serve.Process.Id);
        Assert.True(residentKiB < 30 * 1024, $"resident: {residentKiB} KiB");
        await client.SendAsync("awake\n");
        Assert.Equal("awake", (await waiting).Trimmed);
    }

    private static long ResidentKiB(int id)
    {
        string line = File.ReadLines($"/proc/{id}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    }
}
