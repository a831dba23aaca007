using VmChannel.Control;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Clipboards;

/// <summary>A Wayland desktop (sway) whose agent is our own tool: no X server and no SPICE program runs in the guest.</summary>
[Collection<WaylandDesktopTests>]
public sealed class WaylandShareTests(WaylandDesktop machine) : ClipboardTests(machine)
{
    [Fact]
    public Task Text_Of20MiB_BothWays() => new ClipboardLoad(Machine).PassBigTextAsync();

    [Fact]
    public Task Ownership_ChangesInFastAlternation_NobodyPastesWhatIsStale() => new ClipboardLoad(Machine).AlternateAsync(rounds: 50);

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
        await Machine.WaitForAgentAsync();
        await Desktop.PasteUntilAsync("copied meanwhile");
        long before = await Machine.ChangeAsync();
        await Desktop.CopyAsync("printf 'after it'");
        _ = await Machine.GuestCopiedAsync(before);
        Assert.Equal("after it"u8.ToArray(), await Machine.PasteAsync());
    }
}
