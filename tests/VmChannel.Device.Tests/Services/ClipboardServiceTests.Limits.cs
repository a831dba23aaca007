using System.Buffers.Binary;
using VmChannel.Device.Services.Clipboard;
using VmChannel.Wire.VdAgent;
using Xunit;

namespace VmChannel.Device.Tests.Services;

/// <summary>What a guest costs that sends too much, or nonsense, or nothing.</summary>
public sealed partial class ClipboardServiceTests
{
    [Fact]
    public async Task Guest_SendsUselessMessages_OneLineAndTheSessionGoesOn()
    {
        await using HostEndDriver guest = await StartAsync();
        GuestAgent agent = await OpenAsync(guest);
        for (int i = 0; i < 50; i++)
        {
            await agent.SendAsync((MessageType)4711, "what is this"u8.ToArray());
            await agent.SendAsync(MessageType.ClipboardGrab, [1]);
            await agent.SendAsync(MessageType.ClipboardGrab, GuestAgent.Words(200, 0, 1));
            await agent.SendAsync(MessageType.ClipboardRelease, GuestAgent.Words(200));
            await agent.SendAsync(MessageType.ClipboardData, GuestAgent.Words(0, 1), "unasked"u8.ToArray());
            await agent.SendAsync(MessageType.ClipboardData);
            await agent.SendAsync(MessageType.AnnounceCapabilities, [1, 2]);
        }

        await CopyAsync(agent);
        Task<ClipboardFault> fault = FaultAsync(ClipboardType.Utf8Text);
        _ = await agent.ExpectAsync(MessageType.ClipboardRequest);
        await agent.SendAsync(MessageType.ClipboardData, GuestAgent.Words(0, 1), [0xFF]);
        Assert.Equal(ClipboardFault.NotText, await fault);
        Assert.Equal(1, guest.Log.Count(65));
    }

    [Fact]
    public async Task Guest_SendsTooMuch_IsRefusedWithTheLimitAndGoesOn()
    {
        _clipboard = new(ClipboardPolicy.Default with { MaxBytes = 1000 });
        await using HostEndDriver guest = await StartAsync();
        GuestAgent agent = new(guest);
        await agent.OpenAsync(maxBytes: 1000);
        await CopyAsync(agent);
        foreach ((int bytes, ClipboardFault? expected) in new (int, ClipboardFault?)[] { (1001, ClipboardFault.TooLong), (1000, null) })
        {
            Task<byte[]> pasted = PasteAsync();
            _ = await agent.ExpectAsync(MessageType.ClipboardRequest);
            await agent.SendAsync(MessageType.ClipboardData, GuestAgent.Words(0, 1), new string('x', bytes).Select(c => (byte)c).ToArray());
            if (expected is null)
            {
                Assert.Equal(bytes, (await pasted).Length);
            }
            else
            {
                Assert.Equal(expected, (await Assert.ThrowsAsync<ClipboardException>(() => pasted)).Fault);
            }
        }

        Assert.Equal(1, guest.Log.Count(66));
        Assert.Equal(ClipboardFault.TooLong, Assert.Throws<ClipboardException>(() => Offer(new byte[1001])).Fault);
    }

    [Fact]
    public async Task Transfer_LongerThanThePatienceButNeverSilent_Comes()
    {
        TimeSpan patience = TimeSpan.FromSeconds(3);
        GuestFetch fetch = new(ClipboardType.Png);
        Task<ClipboardContent> waits = fetch.WaitAsync(patience, TestContext.Current.CancellationToken);
        using IncomingData data = new(new(ClipboardSelection.Clipboard, ClipboardType.Png), fetch, null, 1000);
        long begin = Environment.TickCount64;
        int bytes = 0;
        for (; Environment.TickCount64 - begin < patience.TotalMilliseconds + 500; bytes++)
        {
            data.Append([1]);
            await HostEndDriver.MomentAsync();
        }

        _ = data.Finish();
        using ClipboardContent content = await waits;
        Assert.Equal(bytes, content.Length);
    }

    [Fact]
    public async Task Fetch_NothingHeard_EndsAndWhatFollowsIsNotKept()
    {
        GuestFetch fetch = new(ClipboardType.Png);
        using IncomingData data = new(new(ClipboardSelection.Clipboard, ClipboardType.Png), fetch, null, 1000);
        ClipboardException fault = await Assert.ThrowsAsync<ClipboardException>(
            () => fetch.WaitAsync(TimeSpan.FromMilliseconds(1), TestContext.Current.CancellationToken));
        Assert.Equal(ClipboardFault.NoAnswer, fault.Fault);
        data.Append([1]);
        Assert.Equal(0, data.Finish());
    }

    /// <summary>What it holds is in anonymous files, which no heap and no resident memory shows.</summary>
    [Fact]
    public async Task Guest_ClaimsAGigabyteAndSendsMoreThanTheLimit_NothingOfItIsKept()
    {
        const int MaxBytes = 64 * 1024;
        const int SentBytes = 16 * 1024 * 1024;
        _clipboard = new(ClipboardPolicy.Default with { MaxBytes = MaxBytes });
        await using HostEndDriver guest = await StartAsync();
        GuestAgent agent = new(guest);
        await agent.OpenAsync(MaxBytes);
        await CopyAsync(agent);
        Task<ClipboardFault> pasted = FaultAsync(ClipboardType.Utf8Text);
        _ = await agent.ExpectAsync(MessageType.ClipboardRequest);
        const uint Claimed = 1024 * 1024 * 1024;
        await guest.WriteAsync(GuestAgent.Words(1, 20 + Claimed, 1, 4, 0, 0, Claimed, 0, 1));
        byte[] some = Enumerable.Repeat((byte)'x', 64 * 1024).ToArray();
        for (int sent = 0; sent < SentBytes; sent += some.Length)
        {
            await guest.WriteAsync(some);
        }

        await guest.DrainedAsync();
        Assert.InRange(HeldBytes(), 0, SentBytes / 4);
        Assert.Equal(ClipboardFault.TooLong, await SoonAsync(pasted));
    }

    [Fact]
    public async Task Guest_AsksWithoutReading_IsAnsweredABoundedNumberOfTimes()
    {
        await using HostEndDriver guest = await StartAsync();
        GuestAgent agent = await OpenAsync(guest);
        Offer(new string('x', 100_000).Select(c => (byte)c).ToArray());
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
        GuestAgent agent = await OpenAsync(guest);
        byte[] lie = GuestAgent.Words(1, 100, 1, 4, 0, 0, 0xFFFF_FFFF);
        Assert.Equal(0xFFFF_FFFF, BinaryPrimitives.ReadUInt32LittleEndian(lie.AsSpan(24)));
        await guest.WriteAsync((byte[])[.. lie, .. Enumerable.Repeat((byte)0xA5, 300_000)]);
        await HostEndDriver.UntilAsync(() => !guest.End.IsOpen, "the port closes");
        await guest.SetGuestOpenAsync(false);
        await HostEndDriver.UntilAsync(() => guest.End.IsOpen, "the port opens again");
        _ = await OpenAsync(guest);

        // Nothing of the first was taken for the beginning of the second.
        Assert.Equal(1, guest.Log.Count(60));
    }

    /// <summary>Bytes in the anonymous files of all clipboard contents of this process.</summary>
    private static long HeldBytes()
    {
        long bytes = 0;
        foreach (FileInfo descriptor in new DirectoryInfo("/proc/self/fd").EnumerateFiles())
        {
            try
            {
                if (descriptor.LinkTarget?.StartsWith("/memfd:clipboard", StringComparison.Ordinal) == true)
                {
                    using FileStream file = new(descriptor.FullName, FileMode.Open, FileAccess.Read);
                    bytes += file.Length;
                }
            }
            catch (IOException)
            {
                // Closed meanwhile by another test.
            }
        }

        return bytes;
    }
}
