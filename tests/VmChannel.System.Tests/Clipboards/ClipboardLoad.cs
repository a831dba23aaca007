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
            $"for ((n = 0; n < 20; n++)); do last=$(paste clipboard | cksum); [ \"$last\" = '{expected}' ] && exit 0; done; echo $last; exit 1",
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
                printf "guest $round" | copy clipboard UTF8_STRING
                for ((n = 0; ; n++)); do
                    last=$(paste clipboard 2>&1)
                    case $last in
                        "host $round") break ;;
                        "guest $round" | "" | Error* | No*) ;;
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

    /// <summary>Files, by the command: a big one, the disk that is full then, names that are taken, and one that is cancelled.</summary>
    public async Task SendFilesAsync()
    {
        const int FileBytes = 64 * 1024 * 1024;
        using TestFolder folder = new();
        string big = folder.File("big one.bin");
        byte[] bytes = new byte[FileBytes];
        System.Security.Cryptography.RandomNumberGenerator.Fill(bytes);
        await File.WriteAllBytesAsync(big, bytes);
        (int code, string output) = await SendAsync(big);
        Assert.True(code == 0, output);
        Assert.Equal($$"""{"name":"big one.bin","bytes":{{FileBytes}}}""", output);
        Assert.Equal(await ClipboardTests.ChecksumAsync(bytes), await machine.Desktop.RunAsync($"cksum < '{DesktopGuest.Files}/big one.bin'"));

        (code, output) = await SendAsync(big);
        Assert.Equal(1, code);
        Assert.Contains("not enough space", output, StringComparison.Ordinal);
        Assert.Equal("big one.bin", await machine.Desktop.RunAsync($"ls {DesktopGuest.Files}"));
        await machine.Desktop.RunAsync($"rm {DesktopGuest.Files}/*");

        string small = folder.File("small.txt");
        string empty = folder.File("empty");
        await File.WriteAllTextAsync(small, "small");
        await File.WriteAllTextAsync(empty, "");
        (code, output) = await SendAsync(small, small, empty);
        Assert.True(code == 0, output);
        Assert.Equal("small small 0", await machine.Desktop.RunAsync($"cd {DesktopGuest.Files}; echo $(for file in s*; do cat \"$file\"; echo; done) $(wc -c < empty)"));
        await machine.Desktop.RunAsync($"rm {DesktopGuest.Files}/*");

        // Of a file that never ends, some has come when it is cancelled.
        using CancellationTokenSource cancel = new();
        System.IO.Pipelines.Pipe endless = new();
        await endless.Writer.WriteAsync(bytes.AsMemory(0, 32 * 1024));
        Task<SentFile> sending = machine.Control.SendFileAsync("device", DesktopMachine.Spice, "endless", endless.Reader.AsStream(), FileBytes, cancel.Token);
        await machine.Guest.UntilAsync($"[ -e {DesktopGuest.Files}/endless ]");
        await cancel.CancelAsync();
        _ = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending);
        await machine.Guest.UntilAsync($"[ ! -e {DesktopGuest.Files}/endless ]");
        await endless.Writer.CompleteAsync();
    }

    /// <summary>Sends files by the command. Returns its exit code, and what it said.</summary>
    public async Task<(int Code, string Output)> SendAsync(params string[] files)
    {
        await using HostProcess send = HostProcess.Start(
            [Executables.VmChannel, "clipboard", "send", "device", .. files, "--json", "--control", machine.Serve.ControlSocket]);
        int code = await send.Ended.WaitAsync(Patience.Long);
        return (code, $"{send.Output}{send.Errors}".Trim());
    }
}
