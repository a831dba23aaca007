using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Clipboards;

/// <summary>With a Wayland compositor (sway), and no X server.</summary>
[Collection<WaylandDesktopTests>]
public sealed class WaylandShareTests(WaylandDesktop machine) : ShareTests(machine, rounds: 20)
{
    /// <summary>A compositor (cage) that keeps the clipboard from programs without a window.</summary>
    [Theory]
    [InlineData("", "vmchannel-guest: compositor /desktop/tmp/kiosk/wayland-. has no data control .*, GNOME does not$")]
    [InlineData("DISPLAY=:9", "vmchannel-guest: compositor .*; X11's display :9 is used, .*\nvmchannel-guest: there is no display :9 here .*$")]
    public async Task Compositor_WithoutDataControl_IsSaidAndX11IsTakenWhereItIs(string variables, string said)
    {
        await machine.Wayland.StartKioskAsync();
        GuestResult result = await machine.Guest.TryAsync($"export {variables} WAYLAND_DISPLAY=$(echo {WaylandGuest.Kiosk}/wayland-?); exec vmchannel-guest clipboard");
        Assert.Equal(1, result.Code);
        Assert.Matches($"^{said}", result.Trimmed);
    }
}
