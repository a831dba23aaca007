using System.Globalization;
using System.Text;
using VmChannel.Control;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Clipboards;

/// <summary>Over virtio-serial, and what costs too much time in an emulated machine.</summary>
[Collection<UmlDesktopTests>]
public sealed class StockAgentOnUmlTests(UmlDesktop machine) : StockAgentTests(machine)
{
    private const int BigBytes = 20 * 1024 * 1024;

    [Fact]
    public async Task Text_Of20MiB_BothWays()
    {
        await Desktop.RunAsync($"head -c {BigBytes / 4 * 3} /dev/urandom | base64 -w0 > /desktop/tmp/big");
        string[] sum = (await Desktop.RunAsync("cksum < /desktop/tmp/big")).Split(' ');
        Assert.Equal(BigBytes, int.Parse(sum[1], CultureInfo.InvariantCulture));
        long before = await Machine.ChangeAsync();
        await Desktop.CopyAsync("cat /desktop/tmp/big");
        _ = await Machine.GuestCopiedAsync(before);
        byte[] text = await Machine.PasteAsync("text");
        Assert.Equal(string.Join(' ', sum), await ChecksumAsync(text));

        Array.Reverse(text);
        await Machine.CopyAsync(text);
        string expected = await ChecksumAsync(text);
        await Desktop.RunAsync(
            $"for ((n = 0; n < 20; n++)); do last=$(u /usr/bin/xclip -o -selection clipboard | cksum); [ \"$last\" = '{expected}' ] && exit 0; done; echo $last; exit 1",
            Patience.Long);
    }

    /// <summary>Guest and host copy in turns, as fast as each hears of the other: 200 changes of owner.</summary>
    [Fact]
    public async Task Ownership_ChangesInFastAlternation_NobodyPastesWhatIsStale()
    {
        const int Rounds = 100;
        await Machine.CopyAsync("host 0"u8.ToArray());
        await Desktop.PasteUntilAsync("host 0");
        long before = await Machine.ChangeAsync();
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
        await foreach (ClipboardInfo info in Machine.Control.WatchClipboardAsync("device", DesktopMachine.Spice, limit.Token))
        {
            if (info is not { Selection: ClipboardSelection.Clipboard, Owner: ClipboardOwner.Guest } || info.Change <= before)
            {
                continue;
            }

            Assert.Equal($"guest {answered + 1}", Encoding.UTF8.GetString(await Machine.PasteAsync("text")));
            answered++;
            await Machine.CopyAsync(Encoding.UTF8.GetBytes($"host {answered}"));
            if (answered == Rounds)
            {
                break;
            }
        }

        await guest;

        // Each side copied once a round; a loop would have made more of it. An owner that goes may be heard of besides.
        Assert.InRange(await Machine.ChangeAsync() - before, 2 * Rounds, 3 * Rounds);
    }

    /// <summary>A reboot with nobody's help: the server keeps what the host copied.</summary>
    [Fact]
    public async Task Vm_Rebooted_TheNewAgentHasTheHostsClipboard()
    {
        await Machine.CopyAsync("copied before the reboot"u8.ToArray());
        await machine.RebootAsync();
        await Desktop.PasteUntilAsync("copied before the reboot");
        long before = await Machine.ChangeAsync();
        await Desktop.CopyAsync("printf 'second life'");
        _ = await Machine.GuestCopiedAsync(before);
        Assert.Equal("second life"u8.ToArray(), await Machine.PasteAsync());
    }

    [Theory]
    [InlineData("a chunk of 4 GiB", "\\x01\\0\\0\\0\\xff\\xff\\xff\\xff", "/dev/null")]
    [InlineData("a message of 4 GiB", "\\x01\\0\\0\\0\\x1c\\0\\0\\0\\x01\\0\\0\\0\\x04\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\xff\\xff\\xff\\xff", "/dev/null")]
    [InlineData("a message of 1 GiB", "\\x01\\0\\0\\0\\x14\\0\\0\\x40\\x01\\0\\0\\0\\x04\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\x40", "/pattern")]
    public async Task Guest_ClaimsToSendGigabytes_CostsTheHostNoMemory(string claim, string bytes, string more)
    {
        const int AllowedKiB = 8 * 1024;
        await LieAsync("\\x01\\0\\0\\0\\x14\\0\\0\\0\\x01\\0\\0\\0\\x03\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0", "/dev/null");
        int before = ResidentKiB();
        await LieAsync(bytes, more);
        await LieAsync(bytes, more);
        Assert.True(ResidentKiB() - before < AllowedKiB, $"{claim}: {before} KiB before, {ResidentKiB()} KiB after");
    }

    /// <summary>
    /// Says what a message claims to be, and some of what it claims; that is read past, or the session ends and with it what is read. A session
    /// that has failed is tried again after a while.
    /// </summary>
    private async Task LieAsync(string message, string more)
    {
        string port = Rig.Machine.PathOf(DesktopMachine.Hostile);
        await Patience.UntilAsync(
            () => Machine.Control.GetPortAsync("device", DesktopMachine.Hostile).GetAwaiter().GetResult().IsHostOpen, () => "the service does not come back");
        _ = await Machine.Guest.TryAsync($"(printf '{message}'; head -c 500000 {more}) | timeout 1 dd of={port} bs=4096 status=none");
    }

    private int ResidentKiB()
        => int.Parse(
            File.ReadLines($"/proc/{Machine.Serve.Process.Id}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal))
                .Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1],
            CultureInfo.InvariantCulture);
}

/// <summary>Over USB.</summary>
[Collection<UsbDesktopTests>]
public sealed class StockAgentOnUsbTests(UsbDesktop machine) : StockAgentTests(machine);
