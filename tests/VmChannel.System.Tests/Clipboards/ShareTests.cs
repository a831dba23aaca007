using VmChannel.Control;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Clipboards;

/// <summary>A desktop whose agent is our own tool: no SPICE program runs in the guest.</summary>
[Collection<ShareDesktopTests>]
public sealed class ShareTests(ShareDesktop machine) : ClipboardTests(machine)
{
    [Fact]
    public Task Text_Of20MiB_BothWays() => new ClipboardLoad(Machine).PassBigTextAsync();

    [Fact]
    public Task Ownership_ChangesInFastAlternation_NobodyPastesWhatIsStale() => new ClipboardLoad(Machine).AlternateAsync(rounds: 50);

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

    [Fact]
    public async Task Owner_Ends_TheHostHearsOfIt()
    {
        long before = await Machine.ChangeAsync();
        await Desktop.StartOwnerAsync();
        ClipboardInfo copied = await Machine.GuestCopiedAsync(before, ClipboardSelection.Primary);
        await Desktop.KillAsync("owner");
        using CancellationTokenSource limit = new(Patience.Short);
        await foreach (ClipboardInfo info in Machine.Control.WatchClipboardAsync("device", DesktopMachine.Spice, limit.Token))
        {
            if (info.Selection == ClipboardSelection.Primary && info.Change > copied.Change)
            {
                Assert.Equal(ClipboardOwner.Nobody, info.Owner);
                break;
            }
        }
    }

    [Fact]
    public async Task Tool_KilledAndRestarted_GoesOn()
    {
        await Machine.CopyAsync("before"u8.ToArray());
        await Desktop.PasteUntilAsync("before");
        await Desktop.KillAsync("share");
        await Patience.UntilAsync(
            () => !Machine.Control.GetPortAsync("device", DesktopMachine.Spice).GetAwaiter().GetResult().IsGuestOpen, () => "the port stays open");
        await Machine.CopyAsync("copied meanwhile"u8.ToArray());
        await Desktop.StartShareAsync();
        await ExpectToGoOnAsync("copied meanwhile");
    }

    /// <summary>The service is unplugged and plugged in again: what the host had copied is gone, what the guest has is told anew.</summary>
    [Fact]
    public async Task HostEnd_GoesAndComesBack_TheToolGoesOn()
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        await Machine.CopyAsync("offered by the host"u8.ToArray());
        await Desktop.PasteUntilAsync("offered by the host");
        long before = await Machine.ChangeAsync();
        await Desktop.CopyAsync("printf 'marked before'", "primary");
        _ = await Machine.GuestCopiedAsync(before, ClipboardSelection.Primary);
        await Machine.Control.UnplugAsync("device", DesktopMachine.Spice, cancellation);
        await Desktop.RunAsync("for ((n = 0; n < 600; n++)); do u /usr/bin/xclip -o -selection clipboard >/dev/null 2>&1 || exit 0; sleep 0.05; done; echo 'it is still offered'; exit 1");
        _ = await Machine.Control.PlugAsync("device", $"protocol={DesktopMachine.Spice}", cancellation);
        await Machine.WaitForAgentAsync();
        _ = await Machine.GuestCopiedAsync(0, ClipboardSelection.Primary);
        Assert.Equal("marked before"u8.ToArray(), await Machine.PasteAsync(selection: ClipboardSelection.Primary));
        await Machine.CopyAsync("offered anew"u8.ToArray());
        await Desktop.PasteUntilAsync("offered anew");
    }
}
