using System.Text;
using VmChannel.Desktop;
using VmChannel.SystemTests.Rig;
using VmChannel.Wire.VdAgent;

namespace VmChannel.SystemTests.Clipboards;

/// <summary>Our clients of desktops, against an X server and a Wayland compositor.</summary>
public sealed class DesktopClientTests
{
    /// <summary>Far more than there may be under way at once: what one costs that failed would be missed.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Offer_WhoseDataCannotBeHad_IsNotPastedAndOthersAre(bool isWayland)
    {
        const int Failures = 24;
        await UserNamespaces.RequireAsync();
        using TestFolder folder = new();
        await using HostDesktop desktop = await HostDesktop.StartAsync(folder, isWayland);
        using IDesktopClipboard client = DesktopSession.Open(desktop.Display, Assert.Fail);
        int asked = 0;
        client.Offer(ClipboardSelection.Clipboard, ClipboardType.Utf8Text.Only(), _ =>
        {
            return Interlocked.Increment(ref asked) > Failures ? Task.FromResult<byte[]?>([.. "offered"u8]) : throw new IOException("it cannot be had");
        });
        for (int i = 0; i < Failures; i++)
        {
            Assert.NotEqual("offered", await desktop.PasteAsync());
        }

        Assert.Equal(Failures, asked);
        Assert.Equal("offered", await desktop.PasteAsync());
    }

    /// <summary>While it still asks whose the clipboard was.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Offer_OfAClientThatHasJustBegun_IsPasted(bool isWayland)
    {
        await UserNamespaces.RequireAsync();
        using TestFolder folder = new();
        await using HostDesktop desktop = await HostDesktop.StartAsync(folder, isWayland);
        for (int i = 0; i < 20; i++)
        {
            byte[] text = [.. "offer "u8, (byte)('a' + i)];
            using IDesktopClipboard client = DesktopSession.Open(desktop.Display, Assert.Fail);
            client.Offer(ClipboardSelection.Clipboard, ClipboardType.Utf8Text.Only(), _ => Task.FromResult<byte[]?>(text));
            await desktop.PasteUntilAsync(Encoding.UTF8.GetString(text));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Desktop_Ends_IsToldAndLeavesNothingToPaste(bool isWayland)
    {
        await UserNamespaces.RequireAsync();
        using TestFolder folder = new();
        await using HostDesktop desktop = await HostDesktop.StartAsync(folder, isWayland);
        using IDesktopClipboard client = DesktopSession.Open(desktop.Display, Assert.Fail);
        await desktop.CopyAsync("copied there");
        await Patience.UntilAsync(() => client.TypesOf(ClipboardSelection.Clipboard).Has(ClipboardType.Utf8Text), () => "it is not heard of");
        Assert.Equal("copied there"u8.ToArray(), await client.ReadAsync(ClipboardSelection.Clipboard, ClipboardType.Utf8Text, 100));
        Assert.Null(await client.ReadAsync(ClipboardSelection.Clipboard, ClipboardType.Utf8Text, 5));
        await desktop.StopAsync();
        Assert.EndsWith("has gone", await client.Gone.WaitAsync(Patience.Short, TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.Null(await client.ReadAsync(ClipboardSelection.Clipboard, ClipboardType.Utf8Text, 100));
    }
}
