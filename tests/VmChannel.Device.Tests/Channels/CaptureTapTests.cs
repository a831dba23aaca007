using System.Buffers;
using System.IO.Pipelines;
using VmChannel.Device.Channels;
using VmChannel.Device.Tests.VirtioSerial;
using VmChannel.Testing;
using VmChannel.Wire.Capture;
using Xunit;

namespace VmChannel.Device.Tests.Channels;

public sealed class CaptureTapTests : IDisposable
{
    private readonly SerialRig _rig = new();
    private readonly Guest _guest;
    private readonly ScriptedEnd _host;

    public CaptureTapTests()
    {
        _host = _rig.Plug(1);
        _guest = new Guest(_rig);
        SerialRig.Open(_guest.Driver, 1);
    }

    public void Dispose()
    {
        _guest.Dispose();
        _rig.Dispose();
        _host.Dispose();
    }

    [Fact]
    public async Task Tap_BothWays_SeesWhatWasMovedInOrder()
    {
        CaptureTap tap = Add(CaptureTap.DefaultCapacityBytes);
        _guest.Driver.Write(1, "question"u8);
        Wait.Until(() => _rig.Thread.Invoke(() => _host.TakenCount) == 8, "the question");
        _rig.Thread.Invoke(() => _host.Give("answer"u8));
        _ = _guest.Driver.Receive(1, 6);
        Assert.True(_rig.Thread.Invoke(() => _rig.Ports[1].RemoveTap(tap)));
        _guest.Driver.Write(1, "unseen"u8);
        Wait.Until(() => _rig.Thread.Invoke(() => _host.TakenCount) == 14, "the rest");
        (CaptureHeader header, List<(CaptureRecord Record, byte[] Payload)> records) = await ReadAsync(tap);
        Assert.Equal((1u, "test.port1"), (header.Port, header.Name));
        Assert.InRange(DateTimeOffset.UnixEpoch.AddTicks(header.StartNanoseconds / 100), DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow);
        Assert.Equal("question"u8.ToArray(), Bytes(records, CaptureDirection.FromGuest));
        Assert.Equal("answer"u8.ToArray(), Bytes(records, CaptureDirection.ToGuest));
        Assert.True(records.Select(each => each.Record.Nanoseconds).SequenceEqual(records.Select(each => each.Record.Nanoseconds).Order()));
    }

    [Fact]
    public async Task Tap_NobodyReads_ChannelGoesOnAndTheGapIsCounted()
    {
        CaptureTap tap = Add(10_000);
        byte[] bytes = Guest.Bytes(1_000_000, 1);
        _guest.Driver.Write(1, bytes);
        Wait.Until(() => _rig.Thread.Invoke(() => _host.TakenCount) == bytes.Length, "the channel");
        Assert.InRange(tap.MissedBytes, 1, bytes.Length);
        _rig.Unplug(1);
        (_, List<(CaptureRecord Record, byte[] Payload)> records) = await ReadAsync(tap);
        byte[] seen = Bytes(records, CaptureDirection.FromGuest);
        Assert.Equal(bytes.AsSpan(0, seen.Length).ToArray(), seen);
        Assert.Equal(CaptureKind.Gap, records[^1].Record.Kind);
        Assert.Equal(bytes.Length - seen.Length, (long)CaptureRecord.GapBytes(records[^1].Payload));
        Assert.Equal(bytes.Length - seen.Length, tap.MissedBytes);
    }

    [Fact]
    public async Task Tap_ReaderCatchesUp_RecordsGoOnAfterTheGap()
    {
        CaptureTap tap = Add(1000);
        Write(new byte[2000]);
        Write(new byte[500]);
        ReadResult read = await tap.Reader.ReadAsync(TestContext.Current.CancellationToken);
        byte[] first = read.Buffer.ToArray();
        tap.Reader.AdvanceTo(read.Buffer.End);
        Write([1, 2, 3]);
        _rig.Unplug(1);
        (_, List<(CaptureRecord Record, byte[] Payload)> records) = await ReadAsync(tap, first);
        Assert.Equal([CaptureKind.Bytes, CaptureKind.Gap, CaptureKind.Bytes], records.Select(each => each.Record.Kind));
        Assert.Equal(500u, CaptureRecord.GapBytes(records[1].Payload));
        Assert.Equal([1, 2, 3], records[2].Payload);
    }

    [Fact]
    public void Tap_ReaderLeaves_ChannelGoesOn()
    {
        CaptureTap tap = Add(1000);
        tap.Reader.Complete();
        Write(new byte[5000]);
        Write(new byte[5000]);
    }

    private CaptureTap Add(int capacity)
    {
        CaptureTap tap = new(1, "test.port1", capacity);
        _rig.Thread.Invoke(() => _rig.Ports[1].AddTap(tap));
        return tap;
    }

    private void Write(byte[] bytes)
    {
        long goal = _rig.Thread.Invoke(() => _host.TakenCount) + bytes.Length;
        _guest.Driver.Write(1, bytes);
        Wait.Until(() => _rig.Thread.Invoke(() => _host.TakenCount) == goal, "the bytes");
    }

    private static byte[] Bytes(List<(CaptureRecord Record, byte[] Payload)> records, CaptureDirection direction)
        => [.. records.Where(each => each.Record.Kind == CaptureKind.Bytes && each.Record.Direction == direction).SelectMany(each => each.Payload)];

    private static async Task<(CaptureHeader Header, List<(CaptureRecord Record, byte[] Payload)> Records)> ReadAsync(CaptureTap tap, byte[]? first = null)
    {
        using MemoryStream all = new();
        all.Write(first ?? []);
        await tap.Reader.CopyToAsync(all, TestContext.Current.CancellationToken);
        return Parse(all.ToArray());
    }

    private static (CaptureHeader Header, List<(CaptureRecord Record, byte[] Payload)> Records) Parse(ReadOnlySpan<byte> file)
    {
        Assert.Equal(OperationStatus.Done, CaptureHeader.TryTake(ref file, out CaptureHeader header));
        List<(CaptureRecord, byte[])> records = [];
        while (CaptureRecord.TryTake(ref file, out CaptureRecord record, out ReadOnlySpan<byte> payload) == OperationStatus.Done)
        {
            records.Add((record, payload.ToArray()));
        }

        Assert.True(file.IsEmpty);
        return (header, records);
    }
}
