using System.Text;
using VmChannel.Device.Ports;
using VmChannel.Testing;
using Xunit;

namespace VmChannel.Device.Tests.UsbRedir;

/// <summary>What a peer and an adapter say to each other.</summary>
public sealed class ConversationTests : IDisposable
{
    private readonly ScriptedEnd _end = new();
    private readonly UsbRig _rig;

    public ConversationTests() => _rig = new UsbRig(_end);

    public void Dispose()
    {
        _rig.Dispose();
        _end.Dispose();
    }

    [Fact]
    public void Peer_ThatConnects_IsToldEndpointsInterfaceAndDevice()
    {
        using UsbPeer peer = UsbPeer.Connect(_rig.Name);
        byte[][] device = peer.TakeDevice();

        Assert.Equal(160, device[0].Length); // 32 types, intervals, interfaces, and packet sizes of two bytes each
        Assert.Equal(0, device[0][0]); // endpoint 0, OUT: control
        Assert.Equal(0, device[0][16]); // endpoint 0, IN: control
        Assert.Equal(2, device[0][2]); // 0x02: bulk
        Assert.Equal(2, device[0][17]); // 0x81: bulk
        Assert.Equal(28, device[0].Take(32).Count(type => type == 255)); // no other
        Assert.Equal([64, 0], device[0][96..98]);
        Assert.Equal([0, 2], device[0][100..102]); // 512
        Assert.Equal([0, 2], device[0][130..132]);

        Assert.Equal(132, device[1].Length);
        Assert.Equal([1, 0, 0, 0, 0], device[1][..5]); // one interface: 0
        Assert.Equal([255, 255, 255], [device[1][36], device[1][68], device[1][100]]); // class, subclass, protocol: the vendor's own

        Assert.Equal(
            [
                2, // speed: high
                0, 0, 0, // class, subclass, protocol: the interface's
                0x03, 0x04, // vendor: FTDI
                0x14, 0x60, // product: FT232H
                0x00, 0x09, // version: 9.00
            ],
            device[2]);
        Assert.True(peer.IsQuiet);
    }

    [Fact]
    public void Peer_OfThePast_GetsShortPackets()
    {
        // No capability at all: short ids, no packet sizes, no version.
        using UsbPeer peer = UsbPeer.Connect(_rig.Name, capabilities: 0);
        byte[][] device = peer.TakeDevice();

        Assert.Equal([96, 132, 8], device.Select(payload => payload.Length));
        peer.Send(101, 9, 0x81, 0, 0, 2, 0, 0, 0, 0); // bulk IN of 512 bytes, length of 16 bits
        UsbPeer.Packet answer = peer.Receive();
        Assert.Equal(
            [
                0x81, 0, // endpoint, success
                2, 0, // length
                0, 0, 0, 0, // stream
                0x01, 0x60, // nobody is at the other end of the line; the transmitter is empty
            ],
            answer.Payload);
    }

    [Fact]
    public void Strings_OfTheDevice_NameTheChannel()
    {
        using UsbPeer peer = _rig.Fetch();

        Assert.Equal("vmchannel:" + UsbRig.Protocol, ReadString(peer, 2));
        Assert.Matches("^VC[0-9A-F]{14}$", ReadString(peer, 3));
        Assert.Equal(4, peer.Ask(0x80, 6, 0x0304, 0, 255).Status); // there is no fourth: a stall
        Assert.Equal([18, 1, 0, 2], peer.Ask(0x80, 6, 0x0100, 0, 4).Data); // as far as it was asked for
    }

    [Fact]
    public void Requests_OfADriver_AreAnsweredAsTheChipDoes()
    {
        using UsbPeer peer = _rig.Fetch();

        Assert.Equal([16], peer.Ask(0xC0, 10, 0, 1, 1).Data); // latency timer
        Assert.Equal(0, peer.Ask(0x40, 9, 1, 1).Status);
        Assert.Equal([1], peer.Ask(0xC0, 10, 0, 1, 1).Data);
        Assert.Equal([0xFF, 0xFF], peer.Ask(0xC0, 0x90, 0, 0x0C, 2).Data); // a blank EEPROM
        Assert.Equal([0x01, 0x60], peer.Ask(0xC0, 5, 0, 1, 2).Data); // modem status
        _rig.Thread.Invoke(() => _end.Connect(true));
        Assert.Equal([0xB1, 0x60], peer.Ask(0xC0, 5, 0, 1, 2).Data); // DCD, DSR, CTS
        Assert.Equal(4, peer.Ask(0xC0, 0x55, 0, 0, 2).Status);
    }

    [Fact]
    public void Configuration_ThatIsChosen_IsTheGuestsDriver()
    {
        using UsbPeer peer = _rig.Fetch();
        _ = ReadString(peer, 2);
        peer.Send(6, 5, 1);
        _ = peer.Expect(5);
        _ = peer.Expect(4);
        Assert.Equal([0, 1], peer.Expect(8));
        Assert.True(_rig.Port.State is { IsReady: true, IsNamed: true });

        peer.Send(6, 6, 0);
        Assert.Equal(30, peer.Expect(5).Take(32).Count(type => type == 255));
        Assert.Equal([0, 0, 0, 0], peer.Expect(4)[..4]);
        Assert.Equal([0, 0], peer.Expect(8));
        peer.SubmitIn(7, 512);
        Assert.Equal((2, 0), (peer.ExpectBulk(7) is var (status, length, _) ? (status, length) : default));

        peer.Send(6, 8, 9);
        _ = peer.Expect(5);
        _ = peer.Expect(4);
        Assert.Equal([2, 0], peer.Expect(8)); // no such configuration; it is still none
        peer.Send(10, 9, 0);
        Assert.Equal([2, 0, 0], peer.Expect(11));
    }

    [Fact]
    public void Endpoints_ThatTheAdapterLacks_AreRefused()
    {
        using UsbPeer peer = _rig.Fetch();

        peer.Send(12, 1, 0x83, 8, 4); // start an isochronous stream
        Assert.Equal([2, 0x83], peer.Expect(14));
        peer.Send(15, 2, 0x84); // start to receive interrupts
        Assert.Equal([2, 0x84], peer.Expect(17));
        peer.Send(103, 3, 0x05, 0, 1, 0, 7);
        Assert.Equal([0x05, 2, 0, 0], peer.Expect(103));
        peer.Send(101, 4, UsbPeer.Bulk(0x86, 0, 512));
        Assert.Equal(2, peer.ExpectBulk(4).Status);
        peer.Send(101, 5, [.. UsbPeer.Bulk(0x01, 0, 3), 1, 2, 3]);
        Assert.Equal(2, peer.ExpectBulk(5).Status);
    }

    [Fact]
    public void Adapter_UnpluggedAndAnother_ComeOnTheSameConnection()
    {
        using UsbPeer peer = _rig.Fetch();
        peer.SubmitIn(1, 512);
        _ = peer.ExpectBulk(1);
        peer.SubmitIn(2, 512);
        peer.SetDtr(true);
        Assert.True(_rig.Port.IsGuestOpen);
        PortState before = _rig.Port.State;

        _rig.Unplug();
        Assert.Empty(peer.Expect(2));
        Assert.NotNull(before.FrontEnd);
        peer.SubmitIn(3, 512); // on its way when the adapter went: nobody's
        Assert.True(peer.IsQuiet);
        _rig.Plug(new EndlessEnd());
        _ = peer.TakeDevice();
        Assert.False(_rig.Port.IsGuestOpen);
        peer.SubmitIn(4, 512);
        Assert.Equal(2, peer.ExpectBulk(4).Length);
    }

    [Fact]
    public void Adapter_AfterAPeerThatAcknowledges_WaitsForTheAcknowledgement()
    {
        using UsbPeer peer = UsbPeer.Connect(_rig.Name, UsbPeer.QemuCapabilities | 8);
        _ = peer.TakeDevice();
        _rig.Unplug();
        _rig.Plug(new EndlessEnd());
        Assert.Empty(peer.Expect(2));
        Assert.True(peer.IsQuiet);
        peer.SubmitIn(3, 512); // still meant for the one before
        Assert.True(peer.IsQuiet);

        peer.Send(24, 0);
        _ = peer.TakeDevice();
    }

    [Fact]
    public void Peer_ThatLeaves_TakesTheGuestWithIt()
    {
        using (UsbPeer peer = _rig.Fetch())
        {
            peer.SetDtr(true);
            Assert.True(_rig.Port.IsGuestOpen);
        }

        Wait.Until(() => !_rig.Thread.Invoke(() => _rig.Port.IsGuestOpen), "the guest's end closed");
        Assert.Null(_rig.Port.State.FrontEnd);
        using UsbPeer next = _rig.Fetch();
        next.SetDtr(true);
        Assert.Equal(2, _rig.Port.State.GuestGeneration);
    }

    [Fact]
    public void Peer_BesideAnother_IsRefused()
    {
        using UsbPeer first = _rig.Fetch();
        using UsbPeer second = UsbPeer.ConnectSilently(_rig.Name);
        second.ExpectEnd();
        Assert.True(_rig.Log.Contains("a second front-end"));
        first.SetDtr(true);
    }

    /// <summary>Linux does not read the strings again after a reset (<c>usbreset</c>); the next guest knows nothing.</summary>
    [Fact]
    public void Reset_OfAnAdapterWhoseNameIsKnown_LeavesItNamed()
    {
        using (UsbPeer peer = _rig.Fetch())
        {
            _ = ReadString(peer, 2);
            _ = peer.Ask(0x00, 9, 1);
            Assert.True(_rig.Port.State.IsNamed);
            peer.Send(3, 0);
            _ = peer.Ask(0x00, 9, 1);
            Assert.True(_rig.Port.State.IsReady);
            Assert.True(_rig.Port.State.IsNamed);
        }

        Wait.Until(() => _rig.Port.State.FrontEnd is null, "the guest to be gone");
        using UsbPeer next = _rig.Fetch();
        _ = next.Ask(0x00, 9, 1);
        Assert.True(_rig.Port.State.IsReady);
        Assert.False(_rig.Port.State.IsNamed);
    }

    private static string ReadString(UsbPeer peer, byte index)
    {
        (byte status, byte[] data) = peer.Ask(0x80, 6, (ushort)(0x0300 | index), 0x0409, 255);
        Assert.Equal((0, data.Length, 3), (status, data[0], data[1]));
        return Encoding.Unicode.GetString(data, 2, data.Length - 2);
    }
}
