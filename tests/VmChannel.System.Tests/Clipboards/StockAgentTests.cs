using System.Globalization;
using System.Text;
using VmChannel.Control;
using VmChannel.Cli.Fetch;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Clipboards;

/// <summary>The clipboard with SPICE's stock agent: X11 in the guest, xclip as its user, the control API as the host's.</summary>
[Collection<DesktopCollection>]
public sealed class StockAgentTests(DesktopMachine machine) : IAsyncDisposable
{
    private const int BigBytes = 20 * 1024 * 1024;

    /// <summary>An image of the packages that the guest runs from: both sides can read it.</summary>
    private const string Image = "usr/share/icons/Adwaita/512x512/places/folder-pictures.png";

    private DesktopGuest Desktop => machine.Desktop;

    [Fact]
    public async Task Text_GuestToHost_ByteForByte()
    {
        long before = await machine.ChangeAsync();
        await Desktop.CopyAsync("printf 'Grüße\\tvon\\nhier'");
        ClipboardInfo info = await machine.GuestCopiedAsync(before);
        Assert.Equal("text", info.Types[0]);
        Assert.Equal("Grüße\tvon\nhier", Encoding.UTF8.GetString(await machine.PasteAsync()));
    }

    [Fact]
    public async Task Text_HostToGuest_IsPastedAsOftenAsWanted()
    {
        await machine.CopyAsync("hello from the host, ünd mehr"u8.ToArray());
        await Desktop.PasteUntilAsync("hello from the host, ünd mehr");
        await Desktop.PasteUntilAsync("hello from the host, ünd mehr");
    }

    [Fact]
    public async Task Text_Of20MiB_BothWays()
    {
        await Desktop.RunAsync($"head -c {BigBytes / 4 * 3} /dev/urandom | base64 -w0 > /desktop/tmp/big");
        string[] sum = (await Desktop.RunAsync("cksum < /desktop/tmp/big")).Split(' ');
        Assert.Equal(BigBytes, int.Parse(sum[1], CultureInfo.InvariantCulture));
        long before = await machine.ChangeAsync();
        await Desktop.CopyAsync("cat /desktop/tmp/big");
        _ = await machine.GuestCopiedAsync(before);
        byte[] text = await machine.PasteAsync("text");
        Assert.Equal(string.Join(' ', sum), await ChecksumAsync(text));

        Array.Reverse(text);
        await machine.CopyAsync(text);
        string expected = await ChecksumAsync(text);
        await Desktop.RunAsync(
            $"for ((n = 0; n < 20; n++)); do last=$(u /usr/bin/xclip -o -selection clipboard | cksum); [ \"$last\" = '{expected}' ] && exit 0; done; echo $last; exit 1",
            Patience.Long);
    }

    [Fact]
    public async Task Png_BothWays()
    {
        byte[] image = await File.ReadAllBytesAsync(Path.Combine(await GuestImage.RootOfAsync(PackageSets.Desktop), Image), TestContext.Current.CancellationToken);
        long before = await machine.ChangeAsync();
        await Desktop.CopyAsync($"cat /host/{Image}", target: "image/png");
        ClipboardInfo info = await machine.GuestCopiedAsync(before);
        Assert.Equal(["png"], info.Types);
        Assert.Equal(image, await machine.PasteAsync());

        Array.Reverse(image, 8, image.Length - 8);
        await machine.CopyAsync(image, "image/png");
        string expected = await ChecksumAsync(image);
        await Desktop.RunAsync(
            "for ((n = 0; n < 600; n++)); do last=$(u /usr/bin/xclip -o -selection clipboard -t image/png 2>/dev/null | cksum); "
            + $"[ \"$last\" = '{expected}' ] && exit 0; sleep 0.05; done; echo $last; exit 1");
    }

    [Fact]
    public async Task PrimarySelection_BothWays_LeavesTheClipboardAlone()
    {
        await machine.CopyAsync("the clipboard"u8.ToArray());
        await Desktop.PasteUntilAsync("the clipboard");
        long before = await machine.ChangeAsync();
        await Desktop.CopyAsync("printf 'marked in the guest'", "primary");
        _ = await machine.GuestCopiedAsync(before, ClipboardSelection.Primary);
        Assert.Equal("marked in the guest"u8.ToArray(), await machine.PasteAsync(selection: ClipboardSelection.Primary));
        await machine.CopyAsync("marked on the host"u8.ToArray(), selection: ClipboardSelection.Primary);
        await Desktop.PasteUntilAsync("marked on the host", "primary");
        await Desktop.PasteUntilAsync("the clipboard");
    }

    /// <summary>Guest and host copy in turns, as fast as each hears of the other: 200 changes of owner.</summary>
    [Fact]
    public async Task Ownership_ChangesInFastAlternation_NobodyPastesWhatIsStale()
    {
        const int Rounds = 100;
        await machine.CopyAsync("host 0"u8.ToArray());
        await Desktop.PasteUntilAsync("host 0");
        long before = await machine.ChangeAsync();
        Task<string> guest = Desktop.RunAsync(
            $$"""
            for ((round = 1; round <= {{Rounds}}; round++)); do
                printf "guest $round" | u /usr/bin/xclip -i -selection clipboard >/dev/null 2>&1
                for ((n = 0; ; n++)); do
                    last=$(u /usr/bin/xclip -o -selection clipboard 2>&1)
                    case $last in
                        "host $round") break ;;
                        "guest $round" | Error*) ;;
                        *) echo "round $round: pasted $last"; exit 1 ;;
                    esac
                    [ $n -lt 1000 ] || { echo "round $round: still $last"; exit 1; }
                done
            done
            """,
            Patience.Long);
        using CancellationTokenSource limit = new(Patience.Long);
        int answered = 0;
        await foreach (ClipboardInfo info in machine.Control.WatchClipboardAsync("device", DesktopMachine.Spice, limit.Token))
        {
            if (info is not { Selection: ClipboardSelection.Clipboard, Owner: ClipboardOwner.Guest } || info.Change <= before)
            {
                continue;
            }

            Assert.Equal($"guest {answered + 1}", Encoding.UTF8.GetString(await machine.PasteAsync("text")));
            answered++;
            await machine.CopyAsync(Encoding.UTF8.GetBytes($"host {answered}"));
            if (answered == Rounds)
            {
                break;
            }
        }

        await guest;

        // Each side copied once a round; a loop would have made more of it. An owner that goes may be heard of besides.
        Assert.InRange(await machine.ChangeAsync() - before, 2 * Rounds, 3 * Rounds);
    }

    [Theory]
    [InlineData("agent")]
    [InlineData("daemon")]
    public async Task Agent_KilledAndRestarted_GoesOn(string program)
    {
        await machine.CopyAsync("before"u8.ToArray());
        await Desktop.PasteUntilAsync("before");
        await Desktop.KillAsync(program);
        await Patience.UntilAsync(
            () => !machine.Control.GetPortAsync("device", DesktopMachine.Spice).GetAwaiter().GetResult().IsGuestOpen, () => "the port stays open");
        await machine.CopyAsync("copied meanwhile"u8.ToArray());
        if (program == "daemon")
        {
            await Desktop.StartDaemonAsync();
        }

        // The session's part waits for the system's part and comes back by itself, or has gone with it.
        await Desktop.RunAsync("pid=$(</desktop/tmp/agent.pid); [ -e /proc/$pid ] || exit 0; kill $pid; while [ -e /proc/$pid ]; do sleep 0.02; done");
        await Desktop.StartAgentAsync();
        await machine.WaitForAgentAsync();
        await Desktop.PasteUntilAsync("copied meanwhile");
        long before = await machine.ChangeAsync();
        await Desktop.CopyAsync("printf 'after it'");
        _ = await machine.GuestCopiedAsync(before);
        Assert.Equal("after it"u8.ToArray(), await machine.PasteAsync());
    }

    /// <summary>A reboot with nobody's help: the server keeps what the host copied.</summary>
    [Fact]
    public async Task Vm_Rebooted_TheNewAgentHasTheHostsClipboard()
    {
        await machine.CopyAsync("copied before the reboot"u8.ToArray());
        await machine.RebootAsync();
        await Desktop.PasteUntilAsync("copied before the reboot");
        long before = await machine.ChangeAsync();
        await Desktop.CopyAsync("printf 'second life'");
        _ = await machine.GuestCopiedAsync(before);
        Assert.Equal("second life"u8.ToArray(), await machine.PasteAsync());
    }

    [Theory]
    [InlineData("a chunk of 4 GiB", "\\x01\\0\\0\\0\\xff\\xff\\xff\\xff")]
    [InlineData("a message of 4 GiB", "\\x01\\0\\0\\0\\x1c\\0\\0\\0\\x01\\0\\0\\0\\x04\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\xff\\xff\\xff\\xff")]
    [InlineData("a message of 1 GiB", "\\x01\\0\\0\\0\\x14\\0\\0\\x40\\x01\\0\\0\\0\\x04\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\x40")]
    public async Task Guest_ClaimsToSendGigabytes_CostsTheHostNoMemory(string claim, string bytes)
    {
        const int AllowedKiB = 8 * 1024;
        await Lie("\\x01\\0\\0\\0\\x00\\0\\0\\0");
        int before = ResidentKiB();
        for (int i = 0; i < 10; i++)
        {
            await Lie(bytes);
        }

        Assert.True(ResidentKiB() - before < AllowedKiB, $"{claim}: {before} KiB before, {ResidentKiB()} KiB after");

        // What comes after the claim is read past, or the port is closed for the guest; either way its program ends.
        Task Lie(string message) => machine.Guest.TryAsync(
            $"for ((n = 0; n < 200; n++)); do (exec 5>{Machine.PathOf(DesktopMachine.Hostile)}) 2>/dev/null && break; sleep 0.02; done; "
            + $"(printf '{message}'; head -c 1000000 /pattern) | timeout 5 dd of={Machine.PathOf(DesktopMachine.Hostile)} bs=4096 status=none");
    }

    public async ValueTask DisposeAsync()
    {
        if (TestContext.Current.TestState?.Result == TestResult.Failed)
        {
            TestContext.Current.TestOutputHelper?.WriteLine($"{await Desktop.LogsAsync()}\n--- serve ---\n{machine.Serve.Log}");
        }
    }

    private int ResidentKiB()
        => int.Parse(
            File.ReadLines($"/proc/{machine.Serve.Process.Id}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal))
                .Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1],
            CultureInfo.InvariantCulture);

    private static async Task<string> ChecksumAsync(byte[] bytes)
    {
        await using HostProcess cksum = HostProcess.Start(["cksum"]);
        await cksum.Input.WriteAsync(bytes, TestContext.Current.CancellationToken);
        cksum.Input.Close();
        Assert.Equal(0, await cksum.Ended);
        return cksum.Output.ToString().Trim();
    }
}
