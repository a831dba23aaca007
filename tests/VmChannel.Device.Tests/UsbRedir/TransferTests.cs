using VmChannel.Testing;
using Xunit;

namespace VmChannel.Device.Tests.UsbRedir;

/// <summary>Bulk transfers: held until there is data, over when the host end took it.</summary>
public sealed class TransferTests : IDisposable
{
    private readonly ScriptedEnd _end = new();
    private readonly UsbRig _rig;
    private readonly UsbPeer _peer;

    public TransferTests()
    {
        _rig = new UsbRig(_end);
        _rig.Thread.Invoke(() => _end.Connect(true));
        _peer = _rig.Fetch();
        _peer.SubmitIn(1, 512);
        Assert.Equal([0xB1, 0x60], _peer.ExpectBulk(1).Data); // the first says how the line is
    }

    public void Dispose()
    {
        _peer.Dispose();
        _rig.Dispose();
        _end.Dispose();
    }

    [Fact]
    public void In_WithoutData_IsHeldUntilThereIsSome()
    {
        _peer.SetDtr(true);
        _peer.SubmitIn(2, 512);
        Assert.True(_peer.IsQuiet);
        Give("data"u8);
        Assert.Equal([0xB1, 0x60, .. "data"u8], _peer.ExpectBulk(2).Data);
    }

    [Fact]
    public void In_OfSeveralPackets_HasTheStatusInEach()
    {
        byte[] bytes = System.Security.Cryptography.RandomNumberGenerator.GetBytes(510 + 510 + 100);
        _peer.SetDtr(true);
        _peer.SubmitIn(2, 4096);
        Give(bytes);
        (byte status, int length, byte[] data) = _peer.ExpectBulk(2);

        Assert.Equal((0, bytes.Length + 6), (status, length));
        byte[] line = [0xB1, 0x60];
        Assert.Equal([.. line, .. bytes[..510], .. line, .. bytes[510..1020], .. line, .. bytes[1020..]], data);
    }

    [Fact]
    public void In_BeforeTheGuestOpens_IsNotGivenWhatItWouldThrowAway()
    {
        Give("early"u8);
        _peer.SubmitIn(2, 512);
        Assert.True(_peer.IsQuiet);
        _peer.SetDtr(true);
        Assert.Equal([0xB1, 0x60, .. "early"u8], _peer.ExpectBulk(2).Data);
    }

    [Fact]
    public void In_WhileATerminalIsOpenForAMoment_IsNotGivenAnything()
    {
        // As stty does it: open, set, close.
        _peer.SubmitIn(2, 512);
        Give("kept"u8);
        _peer.SetDtr(true);
        _peer.SetDtr(false);
        for (int looks = 0; looks < 4; looks++)
        {
            Assert.True(_peer.IsQuiet);
        }

        Assert.Equal([true, false], _end.GuestOpens);
    }

    [Fact]
    public void HostEnd_ThatComesOrGoes_CompletesAHeldIn()
    {
        _peer.SubmitIn(2, 512);
        _rig.Thread.Invoke(() => _end.Connect(false));
        Assert.Equal([0x01, 0x60], _peer.ExpectBulk(2).Data);
        _rig.Thread.Invoke(() => _end.Connect(true));
        Assert.True(_peer.IsQuiet); // no transfer: the next one is told
        _peer.SubmitIn(3, 512);
        Assert.Equal([0xB1, 0x60], _peer.ExpectBulk(3).Data);
    }

    [Fact]
    public void Out_IsOverWhenTheHostEndTookIt()
    {
        _peer.SetDtr(true);
        _rig.Thread.Invoke(() => _end.Allow(3));
        _peer.SubmitOut(2, "first"u8);
        _peer.SubmitOut(3, "second"u8);
        Assert.True(_peer.IsQuiet);
        _rig.Thread.Invoke(() => _end.Allow(4));
        Assert.Equal((0, 5), (_peer.ExpectBulk(2) is var (status, length, _) ? (status, length) : default));
        Assert.True(_peer.IsQuiet);
        _rig.Thread.Invoke(() => _end.Allow(100));
        Assert.Equal(6, _peer.ExpectBulk(3).Length);
        Assert.Equal("firstsecond"u8, _rig.Thread.Invoke(() => _end.Taken.ToArray()));
    }

    [Fact]
    public void Out_BeforeAClose_IsDeliveredBeforeTheHostEndHearsOfTheEnd()
    {
        _peer.SetDtr(true);
        _rig.Thread.Invoke(() => _end.Allow(0));
        _peer.SubmitOut(2, "last words"u8);
        _peer.SetDtr(false);
        Assert.Equal(0, _rig.Thread.Invoke(() => _end.Drains));
        _rig.Thread.Invoke(() => _end.Allow(100));
        Assert.Equal(10, _peer.ExpectBulk(2).Length);
        Assert.Equal(1, _rig.Thread.Invoke(() => _end.Drains));
    }

    [Fact]
    public void Transfers_ThatAreCancelled_AreOverAtOnce()
    {
        _rig.Thread.Invoke(() => _end.Allow(2));
        _peer.SubmitIn(2, 512);
        _peer.SubmitOut(3, "abcdef"u8);
        _peer.SubmitOut(4, "ghi"u8);
        _peer.Send(21, 2);
        Assert.Equal((1, 0), (_peer.ExpectBulk(2) is var (status, length, _) ? (status, length) : default));
        _peer.Send(21, 3);
        (byte cancelled, int taken, _) = _peer.ExpectBulk(3);
        Assert.Equal((1, 2), (cancelled, taken)); // so far it came
        _peer.Send(21, 99); // no such transfer
        _rig.Thread.Invoke(() => _end.Allow(100));
        Assert.Equal(3, _peer.ExpectBulk(4).Length);
        Assert.Equal("abghi"u8, _rig.Thread.Invoke(() => _end.Taken.ToArray()));
    }

    [Fact]
    public void Reset_EndsEverything()
    {
        _peer.SetDtr(true);
        _rig.Thread.Invoke(() => _end.Allow(0));
        _peer.SubmitIn(2, 512);
        _peer.SubmitOut(3, "abc"u8);
        _peer.Send(3, 0);
        Assert.Equal(1, _peer.ExpectBulk(2).Status);
        Assert.Equal(1, _peer.ExpectBulk(3).Status);
        Assert.False(_rig.Thread.Invoke(() => _rig.Port.IsGuestOpen));
        Assert.False(_rig.Port.State.IsReady);
        _peer.SubmitIn(4, 512);
        Assert.Equal(2, _peer.ExpectBulk(4).Length); // a driver that starts over is told of the line again
    }

    [Fact]
    public void Transfers_MoreThanAnyDriverHas_AreRefusedAndNothingGrows()
    {
        _rig.Thread.Invoke(() => _end.Allow(0));
        for (ulong id = 0; id < 300; id++)
        {
            _peer.SubmitIn(1000 + id, 512);
            _peer.SubmitOut(2000 + id, "x"u8);
        }

        for (ulong id = 256; id < 300; id++)
        {
            Assert.Equal(3, _peer.ExpectBulk(1000 + id).Status);
            Assert.Equal(3, _peer.ExpectBulk(2000 + id).Status);
        }

        _rig.Thread.Invoke(() => _end.Allow(1000));
        Assert.Equal(1, _peer.ExpectBulk(2000).Length);
    }

    [Fact]
    public void Megabyte_InOneTransfer_IsHeldWhole()
    {
        byte[] bytes = System.Security.Cryptography.RandomNumberGenerator.GetBytes(1 << 20);
        _rig.Thread.Invoke(() => _end.Allow(0));
        _peer.SubmitOut(2, bytes);
        Assert.True(_peer.IsQuiet);
        _rig.Thread.Invoke(() => _end.Allow(long.MaxValue));
        Assert.Equal(bytes.Length, _peer.ExpectBulk(2).Length);
        Assert.Equal(bytes, _rig.Thread.Invoke(() => _end.Taken.ToArray()));
    }

    private void Give(ReadOnlySpan<byte> bytes)
    {
        byte[] copy = bytes.ToArray();
        _rig.Thread.Invoke(() => _end.Give(copy));
    }
}
