using VmChannel.Testing;
using VmChannel.Wire.UsbIp;
using Xunit;

namespace VmChannel.Device.Tests.UsbIp;

public sealed class UsbIpSessionTests
{
    private static readonly byte[] Connected = [0xB1, 0x60]; // CTS, DSR, DCD; the transmitter is empty

    [Fact]
    public void Out_WhatTheHostEndTakes_IsDoneInOrder()
    {
        using UsbIpRig rig = new();
        using UsbIpClient client = rig.Open();
        uint first = client.SubmitOut("hello, "u8);
        uint second = client.SubmitOut("world"u8);
        Assert.Equal(new(UsbIpKind.SubmitReply, first, UsbIpStatus.Good, 7), client.ReadReply(isIn: false).Reply);
        Assert.Equal(new(UsbIpKind.SubmitReply, second, UsbIpStatus.Good, 5), client.ReadReply(isIn: false).Reply);
        Assert.Equal("hello, world"u8.ToArray(), rig.Taken);
    }

    [Fact]
    public void Out_WhatTheHostEndDoesNotTakeYet_IsDoneWhenItDoes()
    {
        using UsbIpRig rig = new();
        rig.Invoke(() => rig.Ends[0].Allowance = 3);
        using UsbIpClient client = rig.Open();
        uint transfer = client.SubmitOut("abcdef"u8);
        Wait.Until(() => rig.Taken.Length == 3, "a part to be taken");
        rig.Invoke(() => rig.Ends[0].Allow(100));
        Assert.Equal(new(UsbIpKind.SubmitReply, transfer, UsbIpStatus.Good, 6), client.ReadReply(isIn: false).Reply);
        Assert.Equal("abcdef"u8.ToArray(), rig.Taken);
    }

    [Fact]
    public void In_HeldUntilThereAreBytes_HasThemBehindTheStatus()
    {
        using UsbIpRig rig = new();
        using UsbIpClient client = rig.Open();
        uint status = client.SubmitIn();
        (UsbIpReply reply, byte[] data) = client.ReadReply(isIn: true);
        Assert.Equal(new(UsbIpKind.SubmitReply, status, UsbIpStatus.Good, 2), reply);
        Assert.Equal(Connected, data);

        uint first = client.SubmitIn();
        uint second = client.SubmitIn();
        rig.Invoke(() => rig.Ends[0].Give("bytes"u8));
        (reply, data) = client.ReadReply(isIn: true);
        Assert.Equal(first, reply.Sequence);
        Assert.Equal([.. Connected, .. "bytes"u8], data);
        rig.Invoke(() => rig.Ends[0].Give(new byte[600]));
        (reply, data) = client.ReadReply(isIn: true);
        Assert.Equal(second, reply.Sequence);
        Assert.Equal(512, data.Length);
    }

    [Fact]
    public void Unlink_HeldIn_IsAnsweredAloneAndItsBytesGoToTheNext()
    {
        using UsbIpRig rig = new();
        using UsbIpClient client = rig.Open();
        _ = client.SubmitIn();
        _ = client.ReadReply(isIn: true);
        uint held = client.SubmitIn();
        uint unlinking = client.Unlink(held);
        Assert.Equal(new(UsbIpKind.UnlinkReply, unlinking, UsbIpStatus.Unlinked, 0), client.ReadReply(isIn: true).Reply);

        rig.Invoke(() => rig.Ends[0].Give("x"u8));
        uint next = client.SubmitIn();
        (UsbIpReply reply, byte[] data) = client.ReadReply(isIn: true);
        Assert.Equal(next, reply.Sequence);
        Assert.Equal([.. Connected, (byte)'x'], data);
    }

    [Fact]
    public void Unlink_OutThatWaits_GivesUpTheRest()
    {
        using UsbIpRig rig = new();
        rig.Invoke(() => rig.Ends[0].Allowance = 2);
        using UsbIpClient client = rig.Open();
        uint waits = client.SubmitOut("abcd"u8);
        uint behind = client.SubmitOut("ef"u8);
        uint unlinking = client.Unlink(waits);
        Assert.Equal(new(UsbIpKind.UnlinkReply, unlinking, UsbIpStatus.Unlinked, 0), client.ReadReply(isIn: false).Reply);
        rig.Invoke(() => rig.Ends[0].Allow(100));
        Assert.Equal(new(UsbIpKind.SubmitReply, behind, UsbIpStatus.Good, 2), client.ReadReply(isIn: false).Reply);
        Assert.Equal("abef"u8.ToArray(), rig.Taken);
    }

    [Fact]
    public void Unlink_FinishedOrUnknown_IsGoodAndChangesNothing()
    {
        using UsbIpRig rig = new();
        using UsbIpClient client = rig.Open();
        uint finished = client.SubmitOut("a"u8);
        _ = client.ReadReply(isIn: false);
        foreach (uint transfer in new[] { finished, 0u, 9999u, uint.MaxValue })
        {
            uint unlinking = client.Unlink(transfer);
            Assert.Equal(new(UsbIpKind.UnlinkReply, unlinking, UsbIpStatus.Good, 0), client.ReadReply(isIn: false).Reply);
        }

        uint held = client.SubmitIn();
        _ = client.ReadReply(isIn: true);
        held = client.SubmitIn();
        uint first = client.Unlink(held), again = client.Unlink(held);
        Assert.Equal(new(UsbIpKind.UnlinkReply, first, UsbIpStatus.Unlinked, 0), client.ReadReply(isIn: false).Reply);
        Assert.Equal(new(UsbIpKind.UnlinkReply, again, UsbIpStatus.Good, 0), client.ReadReply(isIn: false).Reply);
    }

    [Fact]
    public void Dtr_RaisedAndDropped_IsGuestOpen()
    {
        using UsbIpRig rig = new();
        using UsbIpClient client = rig.Open();
        Assert.True(rig.State.IsGuestOpen);
        client.SetDtr(false);
        Assert.False(rig.State.IsGuestOpen);
    }

    [Fact]
    public void PortReset_FromTheClient_StartsOver()
    {
        using UsbIpRig rig = new();
        using UsbIpClient client = rig.Open();
        _ = client.SubmitIn();
        _ = client.ReadReply(isIn: true);
        uint held = client.SubmitIn();
        uint reset = client.Submit(0, isIn: false, 0, new(0x23, 3, 4, 1, 0));
        Assert.Equal(new(UsbIpKind.SubmitReply, held, UsbIpStatus.Unlinked, 0), client.ReadReply(isIn: true).Reply);
        Assert.Equal(new(UsbIpKind.SubmitReply, reset, UsbIpStatus.Good, 0), client.ReadReply(isIn: false).Reply);
        Assert.False(rig.State.IsGuestOpen);
    }

    [Fact]
    public void Control_RequestTheAdapterDoesNotHave_IsStalled()
    {
        using UsbIpRig rig = new();
        using UsbIpClient client = rig.Import();
        Assert.Equal(UsbIpStatus.Stalled, client.Control(0x80, 6, 0x0900, length: 64).Status);
        Assert.Equal(UsbIpStatus.Stalled, client.Control(0xA1, 0xFE, 0, length: 1).Status);
        (UsbIpStatus status, byte[] data) = client.Control(0x80, 6, 0x0100, length: 8);
        Assert.Equal((UsbIpStatus.Good, 8), (status, data.Length));
    }

    [Fact]
    public void Disconnect_WithTransfersHeld_LeavesNothingBehind()
    {
        using UsbIpRig rig = new();
        rig.Invoke(() => rig.Ends[0].Allowance = 0);
        for (int i = 0; i < 5; i++)
        {
            UsbIpClient client = rig.Open();
            for (int transfer = 0; transfer < 20; transfer++)
            {
                _ = client.SubmitIn();
                _ = client.SubmitOut("waits"u8);
            }

            Wait.Until(() => rig.State.IsGuestOpen, "the guest to open it");
            client.Dispose();
            Wait.Until(() => !rig.State.IsGuestOpen && rig.Invoke(() => !rig.Server.IsConnected), "the adapter to be free");
        }

        rig.Invoke(() => rig.Ends[0].Allow(1000));
        using UsbIpClient last = rig.Open();
        uint done = last.SubmitOut("new"u8);
        Assert.Equal(new(UsbIpKind.SubmitReply, done, UsbIpStatus.Good, 3), last.ReadReply(isIn: false).Reply);
        Assert.Equal("new"u8.ToArray(), rig.Taken);
    }
}
