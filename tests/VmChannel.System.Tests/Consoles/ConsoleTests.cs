using VmChannel.Native;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Consoles;

/// <summary>The console port: hvc0 in the guest, a terminal on the host.</summary>
public sealed class ConsoleTests
{
    private static readonly TerminalSize Wide = new(Columns: 132, Rows: 43);

    [Fact]
    public async Task Console_OnTheServersTerminal_TypesAndPrints()
    {
        using TestFolder folder = new();
        using PseudoTerminal terminal = PseudoTerminal.Open();
        using TerminalText text = new(terminal);
        await using ServeProcess serve = await StartAsync(folder, terminal);
        await using UmlGuest guest = await UmlGuest.BootAsync(serve);
        await guest.UntilAsync("[ -e /dev/hvc0 ]");
        Task<string> typed = guest.RunAsync("exec 5<>/dev/hvc0; echo what is your name >&5; read -r line <&5; echo $line");
        await text.WaitForAsync("what is your name");
        text.Type("hal\r");

        Assert.Equal("hal", await typed);
    }

    [Fact]
    public async Task Console_WhenTheTerminalChangesItsSize_FollowsInTheOrderAskedFor()
    {
        // Linux before 6.15 took rows first; fixes are in some later kernels of each line: one of the two orders is this kernel's.
        string first = await ResizeAsync("new");
        string second = await ResizeAsync("old");

        Assert.Equal((string[])["132 43", "43 132"], new[] { first, second }.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Console_WithNobodyThere_NeverMakesTheGuestWait()
    {
        using TestFolder folder = new();
        await using ServeProcess serve = await ServeProcess.StartAsync(
            folder, "-virtconsole", $"char=unix:{folder.File("console.sock")},server", "-virtioserial", "port=1,protocol=test.echo,service=echo");
        await using UmlGuest guest = await UmlGuest.BootAsync(serve);
        await guest.UntilAsync("[ -e /dev/hvc0 ] && [ -e /dev/vmch1 ]");
        await guest.RunAsync("stty raw -echo </dev/hvc0; head -c 1000000 /pattern | base64 > /dev/hvc0");
        Assert.Equal("alive", await guest.RunAsync(GuestScripts.Exchange("/dev/vmch1", "alive")));

        // Somebody who comes later sees what is said from then on.
        using ChannelClient client = ChannelClient.Connect(folder.File("console.sock"));
        await serve.Log.WaitForAsync("host connected: unix:");
        await guest.RunAsync("echo ======late====== > /dev/hvc0");
        using StreamReader reader = new(client.Stream);
        using CancellationTokenSource limit = new(Patience.Short);
        while (await reader.ReadLineAsync(limit.Token) is string line && !line.Contains("======late======", StringComparison.Ordinal))
        {
            // What was still buffered from before.
        }

        Assert.False(limit.IsCancellationRequested);
    }

    private static async Task<string> ResizeAsync(string order)
    {
        using TestFolder folder = new();
        using PseudoTerminal terminal = PseudoTerminal.Open();
        using TerminalText text = new(terminal);
        text.Resize(new(Columns: 80, Rows: 24));
        await using ServeProcess serve = await StartAsync(folder, terminal, "--resize-order", order);
        await using UmlGuest guest = await UmlGuest.BootAsync(serve);
        await guest.UntilAsync("[ -e /dev/hvc0 ]");
        await guest.UntilAsync("size=$(stty size </dev/hvc0); [ \"$size\" = '24 80' ] || [ \"$size\" = '80 24' ]");
        text.Resize(Wide);
        await guest.UntilAsync("size=$(stty size </dev/hvc0); [ \"$size\" = '43 132' ] || [ \"$size\" = '132 43' ]");
        return await guest.RunAsync("stty size </dev/hvc0");
    }

    private static Task<ServeProcess> StartAsync(TestFolder folder, PseudoTerminal terminal, params string[] options) => ServeProcess.StartAsync(
        folder, new ServeStreams(terminal.SlavePath), ["-virtconsole", "-virtioserial", "port=1,protocol=test.echo,service=echo", .. options]);
}
