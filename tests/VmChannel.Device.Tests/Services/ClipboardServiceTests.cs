using System.Buffers.Binary;
using System.Text;
using VmChannel.Device.Services;
using VmChannel.Device.Services.Clipboard;
using VmChannel.Wire.VdAgent;
using Xunit;

namespace VmChannel.Device.Tests.Services;

public sealed class ClipboardServiceTests
{
    private readonly TextClipboard _clipboard = new();

    [Fact]
    public async Task Guest_Copies_TextArrives()
    {
        await using HostEndDriver guest = await StartAsync();
        GuestAgent agent = new(guest);
        await agent.OpenAsync();
        await agent.GrabAsync();
        Assert.Equal(GuestAgent.Words(0, 1), await agent.ExpectAsync(MessageType.ClipboardRequest));
        await agent.SendAsync(MessageType.ClipboardData, GuestAgent.Words(0, 1), "Grüße"u8.ToArray());
        await HostEndDriver.UntilAsync(() => _clipboard.GuestText is not null, "text arrives");
        Assert.Equal("Grüße", Encoding.UTF8.GetString(_clipboard.GuestText!));
        Assert.Equal(1, guest.Log.Count(63));
    }

    [Fact]
    public async Task Host_Copies_GuestPastes()
    {
        await using HostEndDriver guest = await StartAsync();
        GuestAgent agent = new(guest);
        await agent.OpenAsync();
        byte[] text = Encoding.UTF8.GetBytes(new string('ü', TextClipboard.MaxTextBytes / 2));
        _clipboard.SetHostText(text);
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
    public async Task Host_CopiedBeforeTheGuestCame_IsOfferedAtEachOpen()
    {
        _clipboard.SetHostText("early"u8.ToArray());
        await using HostEndDriver guest = await StartAsync();
        for (int opens = 0; opens < 2; opens++)
        {
            GuestAgent agent = new(guest);
            await agent.OpenAsync();
            Assert.True(await agent.TakeGrabAsync());
            await guest.SetGuestOpenAsync(false);
        }
    }

    [Fact]
    public async Task Grabs_AtTheSameTime_HostWinsAndSerialsAgree()
    {
        await using HostEndDriver guest = await StartAsync();
        GuestAgent agent = new(guest);
        await agent.OpenAsync();
        _clipboard.SetHostText("host"u8.ToArray());
        await guest.WokenAsync();
        await HostEndDriver.MomentAsync();
        await agent.GrabAsync();
        Assert.True(await agent.TakeGrabAsync());
        await agent.SendAsync(MessageType.ClipboardRequest, GuestAgent.Words(0, 1));
        Assert.Equal("host"u8.ToArray(), (await agent.ExpectAsync(MessageType.ClipboardData))[8..]);
        await agent.GrabAsync();
        _ = await agent.ExpectAsync(MessageType.ClipboardRequest);
        _clipboard.SetHostText("again"u8.ToArray());
        Assert.True(await agent.TakeGrabAsync());
    }

    [Fact]
    public async Task Guest_AsksForWhatIsNotThere_GetsNone()
    {
        await using HostEndDriver guest = await StartAsync();
        GuestAgent agent = new(guest);
        await agent.OpenAsync();
        await agent.SendAsync(MessageType.ClipboardRequest, GuestAgent.Words(0, 1));
        Assert.Equal(GuestAgent.Words(0, 0), await agent.ExpectAsync(MessageType.ClipboardData));
        _clipboard.SetHostText("text"u8.ToArray());
        Assert.True(await agent.TakeGrabAsync());
        await agent.SendAsync(MessageType.ClipboardRequest, GuestAgent.Words(0, 2));
        Assert.Equal(GuestAgent.Words(0, 0), await agent.ExpectAsync(MessageType.ClipboardData));
        await agent.SendAsync(MessageType.ClipboardRequest, GuestAgent.Words(1, 1));
        Assert.Equal(GuestAgent.Words(1, 0), await agent.ExpectAsync(MessageType.ClipboardData));
    }

    [Fact]
    public async Task Guest_SendsUselessMessages_OneLineAndTheSessionGoesOn()
    {
        await using HostEndDriver guest = await StartAsync();
        GuestAgent agent = new(guest);
        await agent.OpenAsync();
        for (int i = 0; i < 50; i++)
        {
            await agent.SendAsync((MessageType)4711, "what is this"u8.ToArray());
            await agent.SendAsync(MessageType.ClipboardGrab, [1]);
            await agent.SendAsync(MessageType.ClipboardGrab, GuestAgent.Words(200, 0, 1));
            await agent.SendAsync(MessageType.ClipboardData, GuestAgent.Words(0, 1), "unasked"u8.ToArray());
            await agent.SendAsync(MessageType.AnnounceCapabilities, [1, 2]);
        }

        await agent.GrabAsync();
        _ = await agent.ExpectAsync(MessageType.ClipboardRequest);
        await agent.SendAsync(MessageType.ClipboardData, GuestAgent.Words(0, 1), [0xFF]);
        await agent.GrabAsync();
        _ = await agent.ExpectAsync(MessageType.ClipboardRequest);
        Assert.Equal(1, guest.Log.Count(65));
        Assert.Null(_clipboard.GuestText);
    }

    [Fact]
    public async Task Guest_SendsTooMuchText_IsRefusedWithTheLimit()
    {
        await using HostEndDriver guest = await StartAsync();
        GuestAgent agent = new(guest);
        await agent.OpenAsync();
        await agent.GrabAsync();
        _ = await agent.ExpectAsync(MessageType.ClipboardRequest);
        await agent.SendAsync(MessageType.ClipboardData, GuestAgent.Words(0, 1), new byte[TextClipboard.MaxTextBytes + 1]);
        await agent.GrabAsync();
        _ = await agent.ExpectAsync(MessageType.ClipboardRequest);
        Assert.Null(_clipboard.GuestText);
        Assert.Equal(1, guest.Log.Count(66));
    }

    [Fact]
    public async Task Guest_AsksWithoutReading_IsAnsweredABoundedNumberOfTimes()
    {
        await using HostEndDriver guest = await StartAsync();
        GuestAgent agent = new(guest);
        await agent.OpenAsync();
        _clipboard.SetHostText(new byte[100_000].Select(_ => (byte)'x').ToArray());
        Assert.True(await agent.TakeGrabAsync());
        for (int i = 0; i < 1000; i++)
        {
            await agent.SendAsync(MessageType.ClipboardRequest, GuestAgent.Words(0, 1));
        }

        await HostEndDriver.UntilAsync(() => guest.Log.Count(65) == 1, "it is told");
        for (int i = 0; i < AgentOutbox.MaxAnswers; i++)
        {
            Assert.Equal(100_008, (await agent.ExpectAsync(MessageType.ClipboardData)).Length);
        }
    }

    [Fact]
    public async Task Guest_ClaimsAMessageOf4GiB_LosesItsSessionAndMayBeginAgain()
    {
        await using HostEndDriver guest = await StartAsync();
        GuestAgent agent = new(guest);
        await agent.OpenAsync();
        byte[] lie = GuestAgent.Words(1, 100, 1, 4, 0, 0, 0xFFFF_FFFF);
        Assert.Equal(0xFFFF_FFFF, BinaryPrimitives.ReadUInt32LittleEndian(lie.AsSpan(24)));
        await guest.WriteAsync(lie);
        await HostEndDriver.UntilAsync(() => !guest.End.IsOpen, "the port closes");
        Assert.Equal(1, guest.Log.Count(60));
        await guest.SetGuestOpenAsync(false);
        await HostEndDriver.UntilAsync(() => guest.End.IsOpen, "the port opens again");
        await new GuestAgent(guest).OpenAsync();
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
            GuestAgent agent = new(guest);
            await agent.OpenAsync();
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

    private async Task<HostEndDriver> StartAsync()
    {
        HostEndDriver guest = new();
        await guest.StartAsync(new ServiceEnd(new ClipboardService(_clipboard, null, null, guest.Log), guest.Loop, guest.Log));
        return guest;
    }
}
