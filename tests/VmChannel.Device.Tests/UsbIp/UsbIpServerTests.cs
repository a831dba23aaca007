using System.Text;
using VmChannel.Testing;
using VmChannel.Wire.UsbIp;
using Xunit;

namespace VmChannel.Device.Tests.UsbIp;

public sealed class UsbIpServerTests
{
    [Fact]
    public void List_OfThree_HasBusIdsAndChannels()
    {
        using UsbIpRig rig = new(adapters: 3);
        using UsbIpClient client = rig.Connect();
        Assert.Equal(
            [
                ("1-1", "vmchannel:org.example.usb1"),
                ("1-2", "vmchannel:org.example.usb2"),
                ("1-3", "vmchannel:org.example.usb3"),
            ],
            client.List());
        Assert.True(client.WaitForEnd());
    }

    [Fact]
    public void List_OfNone_IsEmpty()
    {
        using UsbIpRig rig = new(adapters: 0);
        using UsbIpClient client = rig.Connect();
        Assert.Empty(client.List());
        Assert.True(client.WaitForEnd());
    }

    [Fact]
    public void List_OfTheMostThereMayBe_IsWhole()
    {
        using UsbIpRig rig = new(adapters: 130);
        using UsbIpClient client = rig.Connect();
        List<(string BusId, string Path)> devices = client.List();
        Assert.Equal(130, devices.Count);
        Assert.Equal(("2-3", "vmchannel:org.example.usb130"), devices[^1]);
        using UsbIpClient last = rig.Import("2-3");
        Assert.Equal(0x0002_0003u, last.Device);
    }

    [Fact]
    public void Plug_Adapter_ItsStateSaysHowAGuestGetsIt()
    {
        using UsbIpRig rig = new();
        Assert.True(rig.State.IsExported);
    }

    [Fact]
    public void Import_Adapter_IsAnFtdiWithTheChannelsName()
    {
        using UsbIpRig rig = new();
        using UsbIpClient client = rig.Import();
        Assert.Equal(0x0001_0001u, client.Device);

        (UsbIpStatus status, byte[] descriptor) = client.Control(0x80, 6, 0x0100, length: 64);
        Assert.Equal(UsbIpStatus.Good, status);
        Assert.Equal(18, descriptor.Length);
        Assert.Equal([0x03, 0x04, 0x14, 0x60, 0x00, 0x09], descriptor[8..14]);

        (_, byte[] product) = client.Control(0x80, 6, 0x0302, 0x0409, 255);
        Assert.Equal("vmchannel:org.example.usb1", Encoding.Unicode.GetString(product[2..]));
        Wait.Until(() => rig.State.HostEnd == "scripted" && rig.Invoke(() => rig.Server.IsConnected), "the client to be known");
    }

    [Fact]
    public void Import_Unknown_IsRefusedAndEnds()
    {
        using UsbIpRig rig = new();
        using UsbIpClient client = rig.Connect();
        Assert.Equal(UsbIpOutcome.NoDevice, client.Import("1-2"));
        Assert.True(client.WaitForEnd());
        Assert.True(rig.Log.Contains("usbip 1-2: the client at 127.0.0.1"));
    }

    [Fact]
    public void Import_OfWhatAnotherHas_IsRefusedAndTheOtherKeepsIt()
    {
        using UsbIpRig rig = new(adapters: 2);
        using UsbIpClient first = rig.Open();
        using UsbIpClient second = rig.Connect();
        Assert.Equal(UsbIpOutcome.Busy, second.Import("1-1"));
        Assert.True(second.WaitForEnd());

        using UsbIpClient other = rig.Import("1-2");
        uint transfer = first.SubmitOut("still here"u8);
        Assert.Equal(new(UsbIpKind.SubmitReply, transfer, UsbIpStatus.Good, 10), first.ReadReply(isIn: false).Reply);
    }

    [Fact]
    public void Import_OfWhatAnotherHas_AsksTheOtherForASignOfLife()
    {
        using UsbIpRig rig = new();
        using UsbIpClient first = rig.Open();
        _ = first.SubmitIn();
        _ = first.ReadReply(isIn: true);
        uint held = first.SubmitIn();
        using UsbIpClient second = rig.Connect();
        Assert.Equal(UsbIpOutcome.Busy, second.Import("1-1"));
        Assert.Equal(new(UsbIpKind.SubmitReply, held, UsbIpStatus.Good, 2), first.ReadReply(isIn: true).Reply);
    }

    [Fact]
    public void Import_AfterTheFirstLeft_BeginsAnew()
    {
        using UsbIpRig rig = new();
        UsbIpClient first = rig.Open();
        _ = first.SubmitIn();
        Wait.Until(() => rig.State.IsGuestOpen, "the guest to open it");
        first.Dispose();
        Wait.Until(() => !rig.State.IsGuestOpen, "the adapter to be free");

        using UsbIpClient second = rig.Import();
        Assert.False(rig.State.IsGuestOpen);
        (_, byte[] configuration) = second.Control(0x80, 8, 0, length: 1);
        Assert.Equal([1], configuration);
        Assert.True(rig.Log.Contains("left"));
    }

    [Fact]
    public void Unplug_WhileImported_EndsTheConnectionAndOthersStay()
    {
        using UsbIpRig rig = new(adapters: 2);
        using UsbIpClient first = rig.Open();
        using UsbIpClient second = rig.Open("1-2");
        Assert.True(rig.Invoke(() => rig.Server.Unplug(1, "it was unplugged")));
        Assert.True(first.WaitForEnd());
        Assert.False(rig.Invoke(() => rig.Server.Unplug(1, "it was unplugged")));

        uint transfer = second.SubmitOut("on"u8);
        Assert.Equal(new(UsbIpKind.SubmitReply, transfer, UsbIpStatus.Good, 2), second.ReadReply(isIn: false).Reply);
        using UsbIpClient client = rig.Connect();
        Assert.Equal([("1-2", "vmchannel:org.example.usb2")], client.List());
    }

    [Fact]
    public void Connect_ManyThatAskNothing_DoNotKeepOthersOut()
    {
        using UsbIpRig rig = new();
        List<UsbIpClient> idle = [];
        try
        {
            for (int i = 0; i < 40; i++)
            {
                idle.Add(rig.Connect());
            }

            using UsbIpClient client = rig.Import();
            Assert.True(idle[0].WaitForEnd());
            Assert.True(rig.Log.Contains("it asked nothing, and others wait"));
        }
        finally
        {
            idle.ForEach(client => client.Dispose());
        }
    }

    [Theory]
    [InlineData((ushort)0x0106, UsbIpCode.ListRequest, "it speaks version 0106")]
    [InlineData(UsbIpOperation.CurrentVersion, UsbIpCode.ImportReply, "it asks for 0x0003")]
    [InlineData((ushort)0x4745, (UsbIpCode)0x5420, "it speaks version 4745")] // "GET "
    public void Ask_WhatIsNoQuestion_EndsTheConnection(ushort version, UsbIpCode code, string why)
    {
        using UsbIpRig rig = new();
        using UsbIpClient client = rig.Connect();
        client.Send(UsbIpClient.Operation(code, version));
        Assert.True(client.WaitForEnd());
        Wait.Until(() => rig.Log.Contains(why), why);
    }

    [Fact]
    public void Ask_ByteByByte_IsUnderstood()
    {
        using UsbIpRig rig = new();
        using UsbIpClient client = rig.Connect();
        byte[] request = UsbIpClient.ImportOf("1-1");
        foreach (byte each in request.AsSpan(0, request.Length - 1))
        {
            client.Send([each]);
            rig.Invoke(() => { });
        }

        // The last byte together with the first command: that one is the session's.
        client.Device = 0x0001_0001;
        byte[] command = client.Command(UsbIpKind.Unlink);
        client.Send([request[^1], .. command]);
        byte[] answer = client.Read(UsbIpOperation.Size + UsbIpDevice.Size);
        Assert.Equal(0, answer[7]);
        Assert.Equal(new(UsbIpKind.UnlinkReply, 1, UsbIpStatus.Good, 0), client.ReadReply(isIn: false).Reply);
    }
}
