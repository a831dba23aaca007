using System.Text;
using VmChannel.Device.Services;
using VmChannel.Device.Services.Clipboard;
using VmChannel.Wire.VdAgent;
using Xunit;

namespace VmChannel.Device.Tests.Services;

public sealed partial class ClipboardServiceTests
{
    private static readonly byte[] Png = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0x00, 0xFF];

    private SharedClipboard _clipboard = new(ClipboardPolicy.Default);

    [Fact]
    public async Task Guest_Copies_HostAsksAndGetsIt()
    {
        await using HostEndDriver guest = await StartAsync();
        GuestAgent agent = await OpenAsync(guest);
        await CopyAsync(agent);
        Task<byte[]> pasted = PasteAsync();
        Assert.Equal(GuestAgent.Words(0, 1), await agent.ExpectAsync(MessageType.ClipboardRequest));
        await agent.SendAsync(MessageType.ClipboardData, GuestAgent.Words(0, 1), "Grüße\0"u8.ToArray());
        Assert.Equal("Grüße"u8.ToArray(), await pasted);
        Assert.Equal(1, guest.Log.Count(63));
    }

    [Fact]
    public async Task Guest_CopiesSeveralTypes_TheAskedOneOrTextComes()
    {
        await using HostEndDriver guest = await StartAsync();
        GuestAgent agent = await OpenAsync(guest);
        await CopyAsync(agent, 2, 77, 1, 6);
        Assert.Equal(ClipboardTypes.Utf8Text | ClipboardTypes.Png, _clipboard.StateOf(ClipboardSelection.Clipboard).Types);
        Task<byte[]> image = PasteAsync(ClipboardType.Png);
        Task<byte[]> text = PasteAsync();
        Assert.Equal(GuestAgent.Words(0, 2), await agent.ExpectAsync(MessageType.ClipboardRequest));
        await agent.SendAsync(MessageType.ClipboardData, GuestAgent.Words(0, 2), Png);
        Assert.Equal(Png, await image);
        Assert.Equal(GuestAgent.Words(0, 1), await agent.ExpectAsync(MessageType.ClipboardRequest));
        await agent.SendAsync(MessageType.ClipboardData, GuestAgent.Words(0, 1), "a"u8.ToArray());
        Assert.Equal("a"u8.ToArray(), await text);
        Assert.Equal(ClipboardFault.NotThere, await FaultAsync(ClipboardType.Jpeg));
    }

    [Fact]
    public async Task Host_Copies_GuestPastes()
    {
        await using HostEndDriver guest = await StartAsync();
        GuestAgent agent = await OpenAsync(guest);
        byte[] text = Encoding.UTF8.GetBytes(new string('ü', 512 * 1024));
        Offer(text);
        Assert.True(await agent.TakeGrabAsync());
        for (int paste = 0; paste < 2; paste++)
        {
            await agent.SendAsync(MessageType.ClipboardRequest, GuestAgent.Words(0, 1));
            byte[] data = await agent.ExpectAsync(MessageType.ClipboardData);
            Assert.Equal(GuestAgent.Words(0, 1), data[..8]);
            Assert.Equal(text, data[8..]);
        }
    }

    [Fact]
    public async Task Host_CopiesAnImageToPrimary_GuestPastesThatOnly()
    {
        await using HostEndDriver guest = await StartAsync();
        GuestAgent agent = await OpenAsync(guest);
        ClipboardContent image = new(ClipboardType.Png);
        image.Append(Png);
        _clipboard.Offer(ClipboardSelection.Primary, image);
        Assert.Equal(GuestAgent.Words(1, 0, 2), await agent.ExpectAsync(MessageType.ClipboardGrab));
        await agent.SendAsync(MessageType.ClipboardRequest, GuestAgent.Words(1, 2));
        Assert.Equal((byte[])[.. GuestAgent.Words(1, 2), .. Png], await agent.ExpectAsync(MessageType.ClipboardData));
        await agent.SendAsync(MessageType.ClipboardRequest, GuestAgent.Words(0, 2));
        Assert.Equal(GuestAgent.Words(0, 0), await agent.ExpectAsync(MessageType.ClipboardData));
        Assert.True(_clipboard.Withdraw(ClipboardSelection.Primary));
        Assert.Equal(GuestAgent.Words(1), await agent.ExpectAsync(MessageType.ClipboardRelease));
    }

    [Fact]
    public async Task Host_CopiedBeforeTheGuestCame_IsOfferedAtEachOpen()
    {
        Offer("early"u8);
        await using HostEndDriver guest = await StartAsync();
        for (int opens = 0; opens < 2; opens++)
        {
            GuestAgent agent = await OpenAsync(guest);
            Assert.True(await agent.TakeGrabAsync());
            await guest.SetGuestOpenAsync(false);
        }
    }

    [Fact]
    public async Task Grabs_AtTheSameTime_HostWinsAndSerialsAgree()
    {
        await using HostEndDriver guest = await StartAsync();
        GuestAgent agent = await OpenAsync(guest);
        Offer("host"u8);
        await guest.WokenAsync();
        await HostEndDriver.MomentAsync();
        await agent.GrabAsync();
        Assert.True(await agent.TakeGrabAsync());
        await agent.SendAsync(MessageType.ClipboardRequest, GuestAgent.Words(0, 1));
        Assert.Equal("host"u8.ToArray(), (await agent.ExpectAsync(MessageType.ClipboardData))[8..]);
        await CopyAsync(agent);
        Offer("again"u8);
        Assert.True(await agent.TakeGrabAsync());
    }

    /// <summary>A daemon whose session went on counts from 0 once it has our announcement, and drops grabs with other numbers.</summary>
    [Fact]
    public async Task Grab_WithAnOldSerialBeforeTheAnnouncementWasAnswered_DoesNotSpoilTheCount()
    {
        await using HostEndDriver guest = await StartAsync();
        await guest.SetGuestOpenAsync(true);
        GuestAgent agent = new(guest);
        await agent.SendAsync(MessageType.AnnounceCapabilities, GuestAgent.Words(1, 0x0003_8D67));
        await agent.SendAsync(MessageType.ClipboardGrab, GuestAgent.Words(0, 41, 1));
        await HostEndDriver.UntilAsync(() => _clipboard.StateOf(0).Owner == ClipboardOwner.Guest, "the grab is taken");
        _ = await agent.ExpectAsync(MessageType.AnnounceCapabilities);
        await agent.SendAsync(MessageType.AnnounceCapabilities, GuestAgent.Words(0, 0x0003_8D67));
        _ = await agent.ExpectAsync(MessageType.AnnounceCapabilities);
        _ = await agent.ExpectAsync(MessageType.MaxClipboard);
        await CopyAsync(agent);
        Offer("host"u8);
        Assert.True(await agent.TakeGrabAsync());
    }

    [Fact]
    public async Task Guest_AsksForWhatIsNotThere_GetsNone()
    {
        await using HostEndDriver guest = await StartAsync();
        GuestAgent agent = await OpenAsync(guest);
        await agent.SendAsync(MessageType.ClipboardRequest, GuestAgent.Words(0, 1));
        Assert.Equal(GuestAgent.Words(0, 0), await agent.ExpectAsync(MessageType.ClipboardData));
        Offer("text"u8);
        Assert.True(await agent.TakeGrabAsync());
        await agent.SendAsync(MessageType.ClipboardRequest, GuestAgent.Words(0, 2));
        Assert.Equal(GuestAgent.Words(0, 0), await agent.ExpectAsync(MessageType.ClipboardData));
        await agent.SendAsync(MessageType.ClipboardRequest, GuestAgent.Words(1, 1));
        Assert.Equal(GuestAgent.Words(1, 0), await agent.ExpectAsync(MessageType.ClipboardData));
        await agent.SendAsync(MessageType.ClipboardRequest, GuestAgent.Words(200, 1));
        Assert.Equal(GuestAgent.Words(200, 0), await agent.ExpectAsync(MessageType.ClipboardData));
    }

    [Theory]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public async Task Direction_OneWayOnly_NothingPassesTheOther(bool toGuest, bool fromGuest)
    {
        _clipboard = new(ClipboardPolicy.Default with { ToGuest = toGuest, FromGuest = fromGuest });
        await using HostEndDriver guest = await StartAsync();
        GuestAgent agent = await OpenAsync(guest);
        if (toGuest)
        {
            Offer("fine"u8);
            Assert.True(await agent.TakeGrabAsync());
            await CopyAsync(agent);
            Assert.Equal(ClipboardTypes.None, _clipboard.StateOf(0).Types);
            Assert.Equal(ClipboardFault.Forbidden, await FaultAsync(ClipboardType.Utf8Text));
        }
        else
        {
            Assert.Equal(ClipboardFault.Forbidden, Assert.Throws<ClipboardException>(() => Offer("not this way"u8)).Fault);
            await agent.SendAsync(MessageType.ClipboardRequest, GuestAgent.Words(0, 1));
            Assert.Equal(GuestAgent.Words(0, 0), await agent.ExpectAsync(MessageType.ClipboardData));
        }
    }

    [Fact]
    public async Task Agent_GoesWhileSomebodyWaits_IsToldAndWhatItHadIsGone()
    {
        await using HostEndDriver guest = await StartAsync();
        GuestAgent agent = await OpenAsync(guest);
        await CopyAsync(agent);
        Task<ClipboardFault> first = FaultAsync(ClipboardType.Utf8Text);
        Task<ClipboardFault> second = FaultAsync(ClipboardType.Utf8Text);
        _ = await agent.ExpectAsync(MessageType.ClipboardRequest);
        await guest.SetGuestOpenAsync(false);
        await guest.DrainedAsync();
        Assert.Equal(ClipboardFault.NotThere, await first);
        Assert.Equal(ClipboardFault.NotThere, await second);
        await HostEndDriver.UntilAsync(() => _clipboard.StateOf(0).Owner == ClipboardOwner.Nobody, "nobody has it");
    }

    /// <summary>vdagentd releases so when a session's agent goes, and never answers what that agent was asked for.</summary>
    [Fact]
    public async Task Guest_ReleasesWithoutAnAnswer_WhoWaitsIsToldAndTheNextCopyCanBePasted()
    {
        await using HostEndDriver guest = await StartAsync();
        GuestAgent agent = await OpenAsync(guest);
        await CopyAsync(agent);
        Task<ClipboardFault> first = FaultAsync(ClipboardType.Utf8Text);
        Task<ClipboardFault> second = FaultAsync(ClipboardType.Utf8Text);
        _ = await agent.ExpectAsync(MessageType.ClipboardRequest);
        await agent.SendAsync(MessageType.ClipboardRelease, GuestAgent.Words(0));
        Assert.Equal(ClipboardFault.NotThere, await SoonAsync(first));
        Assert.Equal(ClipboardFault.NotThere, await SoonAsync(second));
        await CopyAsync(agent);
        Task<byte[]> pasted = PasteAsync();
        Assert.Equal(GuestAgent.Words(0, 1), await agent.ExpectAsync(MessageType.ClipboardRequest));
        await agent.SendAsync(MessageType.ClipboardData, GuestAgent.Words(0, 1), "new"u8.ToArray());
        Assert.Equal("new"u8.ToArray(), await SoonAsync(pasted));
    }

    /// <summary>On a serial line nothing else tells that the agent was started anew.</summary>
    [Fact]
    public async Task Agent_BeginsAnewWithoutAnAnswer_WhoWaitsIsToldAndTheNextCopyCanBePasted()
    {
        await using HostEndDriver guest = await StartAsync();
        GuestAgent agent = await OpenAsync(guest);
        await CopyAsync(agent);
        Task<ClipboardFault> waits = FaultAsync(ClipboardType.Utf8Text);
        _ = await agent.ExpectAsync(MessageType.ClipboardRequest);
        GuestAgent next = new(guest);
        await next.SendAsync(MessageType.AnnounceCapabilities, GuestAgent.Words(1, 0x0002_0060));
        _ = await next.ExpectAsync(MessageType.AnnounceCapabilities);
        Assert.Equal(ClipboardFault.NotThere, await SoonAsync(waits));
        await CopyAsync(next);
        Task<byte[]> pasted = PasteAsync();
        Assert.Equal(GuestAgent.Words(0, 1), await next.ExpectAsync(MessageType.ClipboardRequest));
        await next.SendAsync(MessageType.ClipboardData, GuestAgent.Words(0, 1), "new"u8.ToArray());
        Assert.Equal("new"u8.ToArray(), await SoonAsync(pasted));
    }

    [Fact]
    public async Task Host_CopiesWhileOthersWaitForTheGuest_TheAgentIsNotAskedForIt()
    {
        await using HostEndDriver guest = await StartAsync();
        GuestAgent agent = await OpenAsync(guest);
        await CopyAsync(agent);
        Task<ClipboardFault> first = FaultAsync(ClipboardType.Utf8Text);
        Task<ClipboardFault> second = FaultAsync(ClipboardType.Utf8Text);
        _ = await agent.ExpectAsync(MessageType.ClipboardRequest);
        Offer("host"u8);
        Assert.True(await agent.TakeGrabAsync());
        await agent.SendAsync(MessageType.ClipboardData, GuestAgent.Words(0, 0));
        Assert.Equal(ClipboardFault.NotThere, await SoonAsync(first));
        Assert.Equal(ClipboardFault.NotThere, await SoonAsync(second));
    }

    [Fact]
    public async Task Askers_WhoLeft_TakeNobodysPlace()
    {
        await using HostEndDriver guest = await StartAsync();
        GuestAgent agent = await OpenAsync(guest);
        await CopyAsync(agent);
        using CancellationTokenSource left = new();
        Task asked = _clipboard.GetAsync(ClipboardSelection.Clipboard, null, left.Token);
        _ = await agent.ExpectAsync(MessageType.ClipboardRequest);
        Task[] leaving = [asked, .. Enumerable.Range(0, 16).Select(_ => _clipboard.GetAsync(ClipboardSelection.Clipboard, null, left.Token))];
        await left.CancelAsync();
        foreach (Task asker in leaving)
        {
            _ = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asker);
        }

        Task<byte[]> stays = PasteAsync();
        await agent.SendAsync(MessageType.ClipboardData, GuestAgent.Words(0, 1), "for nobody"u8.ToArray());
        Assert.Equal(GuestAgent.Words(0, 1), await agent.ExpectAsync(MessageType.ClipboardRequest));
        await agent.SendAsync(MessageType.ClipboardData, GuestAgent.Words(0, 1), "for one"u8.ToArray());
        Assert.Equal("for one"u8.ToArray(), await SoonAsync(stays));
    }

    /// <summary>As <c>vmchannel-guest clipboard copy</c> does it, in the protocol's old way.</summary>
    [Fact]
    public async Task Guest_PushesAndGoes_TheTextStays()
    {
        await using HostEndDriver guest = await StartAsync();
        await guest.SetGuestOpenAsync(true);
        GuestAgent agent = new(guest);
        await agent.SendAsync(MessageType.AnnounceCapabilities, GuestAgent.Words(1, 0x48));
        _ = await agent.ExpectAsync(MessageType.AnnounceCapabilities);
        await agent.SendAsync(MessageType.ClipboardData, GuestAgent.Words(0, 1), "left behind"u8.ToArray());
        await guest.SetGuestOpenAsync(false);
        await guest.DrainedAsync();
        await HostEndDriver.UntilAsync(() => _clipboard.StateOf(0).Owner == ClipboardOwner.Guest, "the text is there");
        Assert.Equal("left behind"u8.ToArray(), await PasteAsync());
        Assert.Equal("left behind"u8.ToArray(), await PasteAsync(ClipboardType.Utf8Text));
        GuestAgent next = await OpenAsync(guest);
        Offer("newer"u8);
        Assert.True(await next.TakeGrabAsync());
        Assert.Equal("newer"u8.ToArray(), await PasteAsync());
    }

    [Fact]
    public async Task TextPipeAndFile_BothWays_ByteForByte()
    {
        string folder = Directory.CreateTempSubdirectory("vmchannel").FullName;
        string inlet = Path.Combine(folder, "in");
        string outlet = Path.Combine(folder, "out");
        await using (HostEndDriver guest = new())
        {
            Dictionary<string, string> options = new() { ["text-in"] = inlet, ["text-out"] = outlet };
            await guest.StartAsync(ServiceCatalog.Create("clipboard", options, guest.Loop, guest.Log));
            GuestAgent agent = await OpenAsync(guest);
            foreach (string text in (string[])["first\n", new string('y', 300_000)])
            {
                await File.WriteAllTextAsync(inlet, text, TestContext.Current.CancellationToken);
                Assert.True(await agent.TakeGrabAsync());
                await agent.SendAsync(MessageType.ClipboardRequest, GuestAgent.Words(0, 1));
                Assert.Equal(text, Encoding.UTF8.GetString((await agent.ExpectAsync(MessageType.ClipboardData)).AsSpan(8)));
            }

            foreach (string text in (string[])["one\x1b[0m", "two"])
            {
                await agent.GrabAsync();
                _ = await agent.ExpectAsync(MessageType.ClipboardRequest);
                await agent.SendAsync(MessageType.ClipboardData, GuestAgent.Words(0, 1), Encoding.UTF8.GetBytes(text));
                await HostEndDriver.UntilAsync(() => File.Exists(outlet) && File.ReadAllText(outlet) == text, "the file has it");
            }

            await File.WriteAllBytesAsync(inlet, [0xC3, 0x28], TestContext.Current.CancellationToken);
            await HostEndDriver.UntilAsync(() => guest.Log.Count(68) == 1, "what is no text is refused");
        }

        Assert.False(File.Exists(inlet));
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task TextPipe_WhoseFolderHasGone_EndsAsEver()
    {
        string folder = Directory.CreateTempSubdirectory("vmchannel").FullName;
        await using HostEndDriver guest = new();
        Device.Channels.HostEnd end = ServiceCatalog.Create("clipboard", new Dictionary<string, string> { ["text-in"] = Path.Combine(folder, "in") }, guest.Loop, guest.Log);
        await guest.StartAsync(end);
        Directory.Delete(folder, recursive: true);
        await guest.OnLoopAsync(end.Dispose);
    }

    [Fact]
    public async Task TextFile_CannotBeReplaced_NothingIsLeftBeside()
    {
        string folder = Directory.CreateTempSubdirectory("vmchannel").FullName;
        string outlet = Path.Combine(folder, "out");
        await using (HostEndDriver guest = new())
        {
            await guest.StartAsync(ServiceCatalog.Create("clipboard", new Dictionary<string, string> { ["text-out"] = outlet }, guest.Loop, guest.Log));
            _ = Directory.CreateDirectory(outlet);
            GuestAgent agent = await OpenAsync(guest);
            await agent.GrabAsync();
            _ = await agent.ExpectAsync(MessageType.ClipboardRequest);
            await agent.SendAsync(MessageType.ClipboardData, GuestAgent.Words(0, 1), "text"u8.ToArray());
            await HostEndDriver.UntilAsync(() => guest.Log.Count(69) == 1, "it is told");
        }

        Assert.Equal([outlet], Directory.GetFileSystemEntries(folder));
        Directory.Delete(folder, recursive: true);
    }

    /// <summary>Far less than the time a silent agent is given.</summary>
    private static Task<T> SoonAsync<T>(Task<T> result) => result.WaitAsync(SharedClipboard.AnswerTime / 2, TestContext.Current.CancellationToken);

    private static async Task<GuestAgent> OpenAsync(HostEndDriver guest)
    {
        GuestAgent agent = new(guest);
        await agent.OpenAsync();
        return agent;
    }

    private async Task CopyAsync(GuestAgent agent, params uint[] types)
    {
        long before = _clipboard.StateOf(ClipboardSelection.Clipboard).Change;
        await agent.GrabAsync(types);
        await HostEndDriver.UntilAsync(() => _clipboard.StateOf(ClipboardSelection.Clipboard).Change > before, "the grab is heard of");
    }

    private void Offer(ReadOnlySpan<byte> text) => _clipboard.Offer(ClipboardSelection.Clipboard, ClipboardContent.Of(text));

    private async Task<byte[]> PasteAsync(ClipboardType? type = null)
    {
        using ClipboardContent content = await _clipboard.GetAsync(ClipboardSelection.Clipboard, type, TestContext.Current.CancellationToken);
        byte[] bytes = new byte[content.Length];
        Assert.Equal(bytes.Length, content.Read(bytes, 0));
        return bytes;
    }

    private async Task<ClipboardFault> FaultAsync(ClipboardType type)
        => (await Assert.ThrowsAsync<ClipboardException>(() => PasteAsync(type))).Fault;

    private async Task<HostEndDriver> StartAsync()
    {
        HostEndDriver guest = new();
        await guest.StartAsync(new ServiceEnd(new ClipboardService(_clipboard, null, null, guest.Log), guest.Loop, guest.Log));
        return guest;
    }
}
