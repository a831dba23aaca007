using System.Buffers;
using VmChannel.Cli.Captures;
using VmChannel.Cli.Serve;
using VmChannel.Cli.Tests.Control;
using VmChannel.Cli.Tests.Serve;
using VmChannel.Control;
using VmChannel.Wire.Capture;
using Xunit;

namespace VmChannel.Cli.Tests.Captures;

/// <summary>Captures by the control API, and their replay.</summary>
public sealed class CaptureApiTests
{
    [Fact]
    public async Task Capture_OfAConversation_HasBothWaysInOrder()
    {
        await using ControlRig rig = new();
        VmHost web = await rig.AddAsync("web", "port=1,protocol=test.echo,service=echo");
        using GuestDouble guest = new(web);
        guest.Driver.Open(1);
        await using CaptureReader capture = await OpenAsync(rig, "echo");

        guest.Driver.Write(1, "hello"u8);
        _ = guest.Driver.Receive(1, 5);

        Assert.Equal((1u, "test.echo"), (capture.Header.Port, capture.Header.Name));
        CaptureEntry said = (await capture.ReadAsync(ControlRig.Cancellation))!;
        CaptureEntry heard = (await capture.ReadAsync(ControlRig.Cancellation))!;
        Assert.Equal((CaptureDirection.FromGuest, "hello"), (said.Direction, Text(said)));
        Assert.Equal((CaptureDirection.ToGuest, "hello"), (heard.Direction, Text(heard)));
        Assert.True(heard.Time >= said.Time);
    }

    [Fact]
    public async Task Capture_PortUnplugged_ComesToItsEnd()
    {
        await using ControlRig rig = new();
        _ = await rig.AddAsync("web", "port=1,protocol=test.echo,service=echo");
        await using CaptureReader capture = await OpenAsync(rig, "1");

        _ = await rig.Client.UnplugAsync("web", "1", ControlRig.Cancellation);

        Assert.Null(await capture.ReadAsync(ControlRig.Cancellation));
        Assert.False(capture.IsCutOff);
    }

    [Fact]
    public async Task Capture_UnknownPort_IsRefused()
    {
        await using ControlRig rig = new();
        _ = await rig.AddAsync("web", "port=1,protocol=test.echo,service=echo");

        ControlException refused = await Assert.ThrowsAsync<ControlException>(() => rig.Client.CaptureAsync("web", "2", ControlRig.Cancellation));

        Assert.Equal(404, refused.Problem!.Status);
    }

    [Fact]
    public async Task Replay_OfAConversationWithEcho_GivesTheGuestTheSameAgain()
    {
        await using ControlRig rig = new();
        VmHost web = await rig.AddAsync("web", "port=1,protocol=test.echo,service=echo", $"port=2,protocol=test.b,char=unix:{rig.File("b.sock")},server");
        using GuestDouble guest = new(web);
        guest.Driver.Open(1);
        guest.Driver.Open(2);
        byte[] talk = [.. Enumerable.Range(0, 300_000).Select(i => (byte)(i * 31L % 251))];
        MemoryStream recorded = new();
        await using (CaptureReader capture = await OpenAsync(rig, "1", recorded))
        {
            Task<int> reading = DrainAsync(capture, CaptureDirection.ToGuest, talk.Length);
            Task<byte[]> echoed = Task.Run(() => guest.Driver.Receive(1, talk.Length), ControlRig.Cancellation);
            guest.Driver.Write(1, talk);
            Assert.Equal(talk, await echoed);
            Assert.Equal(talk.Length, await reading);
        }

        await using AttachedPort port = await rig.Client.AttachAsync("web", "2", AttachAccess.Writer, ControlRig.Cancellation);
        await using CaptureReader replayed = await CaptureReader.OpenAsync(new MemoryStream(recorded.ToArray()), "talk.cap", null, ControlRig.Cancellation);
        Replay replay = new(replayed, port, CaptureDirection.ToGuest, speed: 0);
        Task<bool> sending = replay.RunAsync(ControlRig.Cancellation);

        Assert.Equal(talk, guest.Driver.Receive(2, talk.Length));
        Assert.True(await sending);
        Assert.Equal(talk.Length, replay.SentBytes);
    }

    [Fact]
    public async Task Replay_AtHalfTheSpeed_KeepsThePace()
    {
        await using ControlRig rig = new();
        VmHost web = await rig.AddAsync("web", AttachTests.Lonely(rig));
        using GuestDouble guest = new(web);
        guest.Driver.Open(1);
        ArrayBufferWriter<byte> file = new();
        new CaptureHeader(1, "test", 0).Write(file);
        Add(file, TimeSpan.FromHours(1), CaptureDirection.ToGuest, "a"u8);
        Add(file, TimeSpan.FromHours(1), CaptureDirection.FromGuest, "not this"u8);
        Add(file, TimeSpan.FromHours(1) + TimeSpan.FromMilliseconds(200), CaptureDirection.ToGuest, "b"u8);
        await using AttachedPort port = await rig.Client.AttachAsync("web", "1", AttachAccess.Writer, ControlRig.Cancellation);
        await using CaptureReader capture = await CaptureReader.OpenAsync(new MemoryStream(file.WrittenSpan.ToArray()), "x", null, ControlRig.Cancellation);

        long began = Environment.TickCount64;
        Assert.True(await new Replay(capture, port, CaptureDirection.ToGuest, speed: 0.5).RunAsync(ControlRig.Cancellation));

        Assert.True(Environment.TickCount64 - began >= 380);
        Assert.Equal("ab"u8.ToArray(), guest.Driver.Receive(1, 2));
    }

    private static async Task<CaptureReader> OpenAsync(ControlRig rig, string port, Stream? copy = null)
        => await CaptureReader.OpenAsync(await rig.Client.CaptureAsync("web", port, ControlRig.Cancellation), "web", bytes =>
        {
            copy?.Write(bytes.Span);
            return true;
        }, ControlRig.Cancellation);

    private static async Task<int> DrainAsync(CaptureReader capture, CaptureDirection direction, int bytes)
    {
        int count = 0;
        while (count < bytes && await capture.ReadAsync(ControlRig.Cancellation) is CaptureEntry entry)
        {
            Assert.Equal(0ul, entry.MissedBytes);
            count += entry.Direction == direction ? entry.Bytes.Length : 0;
        }

        return count;
    }

    private static void Add(ArrayBufferWriter<byte> file, TimeSpan time, CaptureDirection direction, ReadOnlySpan<byte> bytes)
    {
        new CaptureRecord((ulong)time.Ticks * TimeSpan.NanosecondsPerTick, CaptureKind.Bytes, direction, bytes.Length).WriteHeader(file);
        file.Write(bytes);
    }

    private static string Text(CaptureEntry entry) => System.Text.Encoding.ASCII.GetString(entry.Bytes.Span);
}
