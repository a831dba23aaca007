using VmChannel.Device.Ports;
using VmChannel.Testing;
using VmChannel.Wire.Usb;
using VmChannel.Wire.UsbIp;
using Xunit;

namespace VmChannel.Device.Tests.UsbIp;

/// <summary>An adapter of the Abstract Control Model over USB/IP: what has another shape than with FTDI's.</summary>
public sealed class UsbIpAcmTests
{
    private const uint Notifications = 3;

    [Fact]
    public void List_OfAnAdapterWithTwoInterfaces_HasBoth()
    {
        using UsbIpRig rig = new(adapters: 2, UsbAdapterKind.Acm);
        using UsbIpClient client = rig.Connect();
        Assert.Equal(["1-1", "1-2"], client.List().Select(device => device.BusId));
    }

    [Fact]
    public void Device_ThatIsImported_SaysItsClass()
    {
        using UsbIpRig rig = new(kind: UsbAdapterKind.Acm);
        using UsbIpClient client = rig.Connect();
        client.Send(UsbIpClient.ImportOf("1-1"));
        byte[] numbers = client.Read(UsbIpOperation.Size + UsbIpDevice.Size)[^12..];
        Assert.Equal([0x05, 0x25, 0xA4, 0xA7, 0x01, 0x00, 0xEF, 2, 1, 1, 1, 2], numbers); // …, class, configuration, configurations, interfaces
    }

    [Fact]
    public void Notification_IsHeldUntilTheHostEndChanges()
    {
        using UsbIpRig rig = new(kind: UsbAdapterKind.Acm);
        using UsbIpClient client = rig.Import();
        ExpectState(client, client.Submit(Notifications, isIn: true, 16), 3);
        uint held = client.Submit(Notifications, isIn: true, 16);
        rig.Invoke(() => rig.Ends[0].Connect(false));
        ExpectState(client, held, 0);

        // One that was given up is told again to the next.
        held = client.Submit(Notifications, isIn: true, 16);
        uint unlink = client.Unlink(held);
        Assert.Equal(new(UsbIpKind.UnlinkReply, unlink, UsbIpStatus.Unlinked, 0), client.ReadReply(isIn: true).Reply);
        ExpectState(client, client.Submit(Notifications, isIn: true, 16), 0);

        uint small = client.Submit(Notifications, isIn: true, 9);
        Assert.Equal(new(UsbIpKind.SubmitReply, small, UsbIpStatus.Invalid, 0), client.ReadReply(isIn: false).Reply);
    }

    [Fact]
    public void Notifications_BeyondWhatAnyDriverHas_AreRefused()
    {
        using UsbIpRig rig = new(kind: UsbAdapterKind.Acm);
        using UsbIpClient client = rig.Import();
        ExpectState(client, client.Submit(Notifications, isIn: true, 16), 3);
        for (int i = 0; i < 16; i++)
        {
            _ = client.Submit(Notifications, isIn: true, 16);
        }

        uint beyond = client.Submit(Notifications, isIn: true, 16);
        Assert.Equal(new(UsbIpKind.SubmitReply, beyond, UsbIpStatus.NoMemory, 0), client.ReadReply(isIn: false).Reply);
    }

    [Fact]
    public void LineCoding_ThatIsSet_IsReadBack()
    {
        using UsbIpRig rig = new(kind: UsbAdapterKind.Acm);
        using UsbIpClient client = rig.Import();
        byte[] coding = [0x00, 0xC2, 0x01, 0x00, 0, 0, 8];
        uint set = client.Submit(0, isIn: false, 7, new SetupPacket(0x21, 0x20, 0, 0, 7), coding);
        Assert.Equal(new(UsbIpKind.SubmitReply, set, UsbIpStatus.Good, 7), client.ReadReply(isIn: false).Reply);
        Assert.Equal(coding, client.Control(0xA1, 0x21, 0, 0, 7).Data);
        _ = client.Control(0x21, 0x22, 1);
        Assert.True(rig.Port(1).IsGuestOpen);
    }

    private static void ExpectState(UsbIpClient client, uint transfer, byte state)
    {
        (UsbIpReply reply, byte[] data) = client.ReadReply(isIn: true);
        Assert.Equal(new(UsbIpKind.SubmitReply, transfer, UsbIpStatus.Good, 10), reply);
        Assert.Equal([0xA1, 0x20, 0, 0, 0, 0, 2, 0, state, 0], data);
    }
}
