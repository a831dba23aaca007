using System.Globalization;
using System.Text;
using VmChannel.Control;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Clipboards;

/// <summary>What makes an agent work hard.</summary>
internal sealed class ClipboardLoad(DesktopMachine machine)
{
    private const int BigBytes = 20 * 1024 * 1024;

    /// <summary>Text of 20 MiB, both ways.</summary>
    public async Task PassBigTextAsync()
    {
        await machine.Desktop.RunAsync($"head -c {BigBytes / 4 * 3} /dev/urandom | base64 -w0 > /desktop/tmp/big");
        string[] sum = (await machine.Desktop.RunAsync("cksum < /desktop/tmp/big")).Split(' ');
        Assert.Equal(BigBytes, int.Parse(sum[1], CultureInfo.InvariantCulture));
        long before = await machine.ChangeAsync();
        await machine.Desktop.CopyAsync("cat /desktop/tmp/big");
        _ = await machine.GuestCopiedAsync(before);
        byte[] text = await machine.PasteAsync("text");
        Assert.Equal(string.Join(' ', sum), await ClipboardTests.ChecksumAsync(text));

        Array.Reverse(text);
        await machine.CopyAsync(text);
        string expected = await ClipboardTests.ChecksumAsync(text);
        await machine.Desktop.RunAsync(
            $"for ((n = 0; n < 20; n++)); do last=$(u /usr/bin/xclip -o -selection clipboard | cksum); [ \"$last\" = '{expected}' ] && exit 0; done; echo $last; exit 1",
            Patience.Long);
    }

    /// <summary>Guest and host copy in turns, as fast as each hears of the other: two changes of owner a round. Nobody pastes what is stale.</summary>
    public async Task AlternateAsync(int rounds)
    {
        await machine.CopyAsync("host 0"u8.ToArray());
        await machine.Desktop.PasteUntilAsync("host 0");
        long before = await machine.ChangeAsync();
        Task<string> guest = machine.Desktop.RunAsync(
            $$"""
            for ((round = 1; round <= {{rounds}}; round++)); do
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
            if (answered == rounds)
            {
                break;
            }
        }

        await guest;

        // Each side copied once a round; a loop would have made more of it. An owner that goes may be heard of besides.
        Assert.InRange(await machine.ChangeAsync() - before, 2 * rounds, 3 * rounds);
    }
}
