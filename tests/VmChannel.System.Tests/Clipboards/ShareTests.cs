using VmChannel.Control;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Clipboards;

/// <summary>A desktop whose agent is our own tool: no SPICE program runs in the guest.</summary>
/// <param name="machine">The guest.</param>
/// <param name="rounds">How often both sides copy in turns: starting the user's programs takes most of the time.</param>
public abstract class ShareTests(DesktopMachine machine, int rounds) : ClipboardTests(machine)
{
    [Fact]
    public Task Text_Of20MiB_BothWays() => new ClipboardLoad(Machine).PassBigTextAsync();

    [Fact]
    public Task Ownership_ChangesInFastAlternation_NobodyPastesWhatIsStale() => new ClipboardLoad(Machine).AlternateAsync(rounds);

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
        await Machine.WaitForNoAgentAsync();
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
        await Desktop.RunAsync("for ((n = 0; n < 600; n++)); do paste clipboard >/dev/null 2>&1 || exit 0; sleep 0.05; done; echo 'it is still offered'; exit 1");
        _ = await Machine.Control.PlugAsync("device", $"protocol={DesktopMachine.Spice}", cancellation);
        await Machine.WaitForAgentAsync();
        _ = await Machine.GuestCopiedAsync(0, ClipboardSelection.Primary);
        Assert.Equal("marked before"u8.ToArray(), await Machine.PasteAsync(selection: ClipboardSelection.Primary));
        await Machine.CopyAsync("offered anew"u8.ToArray());
        await Desktop.PasteUntilAsync("offered anew");
    }
}
