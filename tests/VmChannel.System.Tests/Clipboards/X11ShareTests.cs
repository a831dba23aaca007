namespace VmChannel.SystemTests.Clipboards;

/// <summary>With an X server.</summary>
[Collection<ShareDesktopTests>]
public sealed class X11ShareTests(ShareDesktop machine) : ShareTests(machine, rounds: 50)
{
    [Fact]
    public Task Files_OfTheHost_AreSaved() => new ClipboardLoad(Machine).SendFilesAsync();

    /// <summary>A form that nobody asks for costs nothing; one that is not there is refused, and leaves the clipboard as it was.</summary>
    [Fact]
    public async Task Host_OffersAnImage_TextIsRefusedAndTargetsTellWhatThereIs()
    {
        await Machine.CopyAsync([0x89, 0x50, 0x4E, 0x47], "image/png");
        await Desktop.RunAsync(
            """
            for ((n = 0; n < 600; n++)); do
                targets=$(u /usr/bin/xclip -o -selection clipboard -t TARGETS 2>&1)
                [ "$targets" = $'TARGETS\nTIMESTAMP\nimage/png' ] && break
                sleep 0.05
            done
            [ $n -lt 600 ] || { echo "$targets"; exit 1; }
            ! u /usr/bin/xclip -o -selection clipboard -t UTF8_STRING 2>/dev/null
            """);
        Assert.Equal([0x89, 0x50, 0x4E, 0x47], await Machine.PasteAsync());
    }
}
