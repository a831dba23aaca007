using System.Buffers.Binary;
using VmChannel.Testing;
using VmChannel.Wire.Usb;
using VmChannel.Wire.UsbIp;
using Xunit;

namespace VmChannel.Device.Tests.UsbIp;

/// <summary>Clients that break the protocol, or use it up: their connection ends with one line, or their transfer fails, and others see nothing.</summary>
public sealed class HostileUsbIpClientTests
{
    public static TheoryData<string, int, uint> Words => new()
    {
        { "kind 0", 0, 0 },
        { "a server's kind", 0, 3 },
        { "a kind nobody has", 0, 0xFFFF_FFFF },
        { "another device", 8, 0x0001_0002 },
        { "device 0", 8, 0 },
        { "direction 2", 12, 2 },
        { "endpoint 16", 16, 16 },
        { "endpoint 0x80000001", 16, 0x8000_0001 },
        { "1 MiB and a byte", 24, (1 << 20) + 1 },
        { "a negative length", 24, 0xFFFF_FFFF },
    };

    [Theory]
    [MemberData(nameof(Words))]
    public void Command_WithOneWordWrong_EndsTheConnectionWithOneLine(string what, int at, uint value)
    {
        using UsbIpRig rig = new(adapters: 2);
        using UsbIpClient other = rig.Open("1-2");
        using UsbIpClient client = rig.Open();
        _ = client.SubmitIn();
        _ = client.ReadReply(isIn: true);
        _ = client.SubmitIn();
        int lines = rig.Log.All.Count;
        byte[] command = client.Command(UsbIpKind.Submit);
        BinaryPrimitives.WriteUInt32BigEndian(command.AsSpan(16), 2);
        BinaryPrimitives.WriteUInt32BigEndian(command.AsSpan(at), value);
        client.Send([.. command, .. "whatever comes behind it"u8]);
        Assert.True(client.WaitForEnd(), what);
        Wait.Until(() => rig.Invoke(() => rig.Port(1).State is { IsGuestOpen: false }), "the adapter to be free");
        Assert.Single(rig.Log.All.Skip(lines), line => line.Contains("usbip", StringComparison.Ordinal));

        uint transfer = other.SubmitOut("untouched"u8);
        Assert.Equal(new(UsbIpKind.SubmitReply, transfer, UsbIpStatus.Good, 9), other.ReadReply(isIn: false).Reply);
        using UsbIpClient next = rig.Import();
        Assert.Equal(UsbIpStatus.Good, next.Control(0x80, 6, 0x0100, length: 18).Status);
    }

    [Fact]
    public void Submit_ToEndpointsThatThereAreNot_FailsAndTheConnectionGoesOn()
    {
        using UsbIpRig rig = new();
        using UsbIpClient client = rig.Open();
        for (uint endpoint = 1; endpoint < 16; endpoint++)
        {
            uint transfer = endpoint == 1 ? client.Submit(1, isIn: false, 4, data: "data"u8) : client.Submit(endpoint, isIn: true, 64);
            Assert.Equal(new(UsbIpKind.SubmitReply, transfer, UsbIpStatus.Invalid, 0), client.ReadReply(isIn: true).Reply);
        }

        Assert.Empty(rig.Taken);
        Assert.Equal(UsbIpStatus.Good, client.Control(0x80, 6, 0x0100, length: 18).Status);
    }

    [Fact]
    public void Submit_LengthsThatContradictEachOther_Fails()
    {
        using UsbIpRig rig = new();
        using UsbIpClient client = rig.Open();
        SetupPacket read = new(0x80, 6, 0x0100, 0, 18), write = new(0x40, 1, 0x0300, 0, 4);
        uint[] wrong =
        [
            client.Submit(0, isIn: false, 4, read, "data"u8), // data for a request that reads
            client.Submit(0, isIn: true, 4, write), // room for a request that writes
            client.Submit(0, isIn: false, 2, write, "da"u8), // less than the request says
            client.Submit(1, isIn: true, 0), // no room for the status
            client.Submit(1, isIn: true, 1),
        ];
        Assert.All(wrong, transfer => Assert.Equal(new(UsbIpKind.SubmitReply, transfer, UsbIpStatus.Invalid, 0), client.ReadReply(isIn: false).Reply));

        // Less room than the request wants is fine, and so is more: the smaller of the two counts.
        uint small = client.Submit(0, isIn: true, 4, read);
        Assert.Equal(new(UsbIpKind.SubmitReply, small, UsbIpStatus.Good, 4), client.ReadReply(isIn: true).Reply);
        uint large = client.Submit(0, isIn: true, int.MaxValue, read);
        Assert.Equal(new(UsbIpKind.SubmitReply, large, UsbIpStatus.Good, 18), client.ReadReply(isIn: true).Reply);
        Assert.True(rig.State.IsGuestOpen);
    }

    [Fact]
    public void Flood_OfInTransfers_KeepsSoManyAndFailsTheRest()
    {
        using UsbIpRig rig = new();
        using UsbIpClient client = rig.Open();
        const int Count = 2000;
        for (int i = 0; i < Count; i++)
        {
            _ = client.SubmitIn(int.MaxValue);
        }

        _ = client.ReadReply(isIn: true);
        (UsbIpReply reply, _) = client.ReadReply(isIn: true);
        Assert.Equal(UsbIpStatus.NoMemory, reply.Status);
        rig.Invoke(() => rig.Ends[0].Give("still served"u8));
        byte[] data = [];
        Wait.Until(
            () =>
            {
                (reply, data) = client.ReadReply(isIn: true);
                return reply.Status == UsbIpStatus.Good;
            },
            "the transfer with bytes");
        Assert.Equal("still served"u8, data.AsSpan(2));
    }

    [Fact]
    public void Flood_OfOutTransfersNobodyTakes_KeepsSoManyAndFailsTheRest()
    {
        using UsbIpRig rig = new();
        rig.Invoke(() => rig.Ends[0].Allowance = 0);
        using UsbIpClient client = rig.Open();
        byte[] data = new byte[64 * 1024];
        for (int i = 0; i < 17; i++)
        {
            _ = client.SubmitOut(data);
        }

        Assert.Equal(new(UsbIpKind.SubmitReply, 18, UsbIpStatus.NoMemory, 0), client.ReadReply(isIn: false).Reply);
        rig.Invoke(() => rig.Ends[0].Allow(long.MaxValue));
        for (uint i = 2; i < 18; i++)
        {
            Assert.Equal(new(UsbIpKind.SubmitReply, i, UsbIpStatus.Good, data.Length), client.ReadReply(isIn: false).Reply);
        }
    }

    [Fact]
    public void Submit_AtTheCap_ArrivesWhole()
    {
        using UsbIpRig rig = new();
        using UsbIpClient client = rig.Open();
        byte[] data = [.. Enumerable.Range(0, UsbIpCommand.MaxDataBytes).Select(i => (byte)(i * 7 / 253 % 256))];
        uint transfer = client.SubmitOut(data);
        Assert.Equal(new(UsbIpKind.SubmitReply, transfer, UsbIpStatus.Good, data.Length), client.ReadReply(isIn: false).Reply);
        Assert.Equal(data, rig.Taken);
    }

    [Fact]
    public void Disconnect_InTheMiddleOfATransfer_DeliversNothingOfIt()
    {
        using UsbIpRig rig = new();
        UsbIpClient client = rig.Open();
        _ = client.Submit(2, isIn: false, 1000, data: new byte[999]);
        client.Dispose();
        Wait.Until(() => !rig.State.IsGuestOpen, "the adapter to be free");
        Assert.Empty(rig.Taken);
    }
}
