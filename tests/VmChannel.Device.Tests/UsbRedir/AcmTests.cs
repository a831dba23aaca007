using VmChannel.Device.Ports;
using VmChannel.Testing;
using Xunit;

namespace VmChannel.Device.Tests.UsbRedir;

/// <summary>An adapter of the Abstract Control Model, as a peer sees it.</summary>
public sealed class AcmTests : IDisposable
{
    private const byte Notifications = 0x83;

    private readonly ScriptedEnd _end = new();
    private readonly UsbRig _rig;

    public AcmTests() => _rig = new UsbRig(_end, kind: UsbAdapterKind.Acm);

    public void Dispose()
    {
        _rig.Dispose();
        _end.Dispose();
    }

    [Fact]
    public void Peer_ThatConnects_IsToldEndpointsInterfacesAndDevice()
    {
        using UsbPeer peer = UsbPeer.Connect(_rig.Name);
        byte[][] device = peer.TakeDevice();

        byte[] endpoints = device[0];
        Assert.Equal([2, 2, 3], [endpoints[2], endpoints[17], endpoints[19]]); // 0x02 and 0x81: bulk; 0x83: interrupt
        Assert.Equal(27, endpoints.Take(32).Count(type => type == 255)); // no other
        Assert.Equal([0, 0, 9], [endpoints[32 + 2], endpoints[32 + 17], endpoints[32 + 19]]); // intervals: QEMU refuses an interrupt endpoint without one
        Assert.Equal([1, 1, 0], [endpoints[64 + 2], endpoints[64 + 17], endpoints[64 + 19]]); // interfaces
        Assert.Equal([16, 0], endpoints[134..136]); // packets of 0x83
        Assert.Equal([0, 2], endpoints[130..132]);

        Assert.Equal([2, 0, 0, 0, 0, 1], device[1][..6]); // two interfaces: 0 and 1
        Assert.Equal([0x02, 0x0A], device[1][36..38]); // communications, data
        Assert.Equal([0x02, 0x00], device[1][68..70]); // abstract control
        Assert.Equal([0x01, 0x00], device[1][100..102]); // AT commands

        Assert.Equal(
            [
                2, // speed: high
                0xEF, 2, 1, // miscellaneous, common, interface association
                0x25, 0x05, // vendor
                0xA7, 0xA4, // product
                0x00, 0x01, // version: 1.00
            ],
            device[2]);
        Assert.True(peer.IsQuiet);
    }

    [Fact]
    public void Configuration_AtBothSpeeds_IsAsLongAsItSaysAndOfWholeDescriptors()
    {
        using UsbPeer peer = _rig.Fetch();
        byte[] high = peer.Ask(0x80, 6, 0x0200, 0, 255).Data;
        byte[] full = peer.Ask(0x80, 6, 0x0700, 0, 255).Data;

        Assert.Equal(75, high.Length);
        foreach (byte[] configuration in new[] { high, full })
        {
            Assert.Equal([(byte)configuration.Length, 0, 2], configuration[2..5]);
            int at = 0;
            for (; at < configuration.Length; at += configuration[at])
            {
                Assert.NotEqual(0, configuration[at]);
            }

            Assert.Equal(configuration.Length, at);
        }

        // Type, then what differs: 16 bytes each 32 ms; 512 or 64 bytes.
        Assert.Equal([7, 5, 0x83, 3, 16, 0, 9], high[45..52]);
        Assert.Equal([7, 5, 0x83, 3, 16, 0, 32], full[45..52]);
        Assert.Equal([7, 5, 0x81, 2, 0, 2, 0, 7, 5, 0x02, 2, 0, 2, 0], high[61..]);
        Assert.Equal([7, 5, 0x81, 2, 64, 0, 0, 7, 5, 0x02, 2, 64, 0, 0], full[61..]);
        Assert.Equal(7, full[1]);
    }

    [Fact]
    public void LineCoding_ThatIsSet_IsReadBack()
    {
        using UsbPeer peer = _rig.Fetch();
        Assert.Equal([0x80, 0x25, 0, 0, 0, 0, 8], peer.Ask(0xA1, 0x21, 0, 0, 7).Data); // 9600 8N1
        byte[] coding = [0x00, 0xC2, 0x01, 0x00, 2, 1, 7]; // 115200, two stop bits, odd, 7 bits
        peer.Control(1, 0x21, 0x20, 0, 0, 7, coding);
        Assert.Equal((0, 7), (peer.Expect(100) is var payload ? (payload[3], payload[8]) : default));
        Assert.Equal(coding, peer.Ask(0xA1, 0x21, 0, 0, 7).Data);

        peer.Control(2, 0x21, 0x20, 0, 0, 3, 1, 2, 3);
        Assert.Equal(4, peer.Expect(100)[3]); // a stall: half a coding is none
        Assert.Equal(4, peer.Ask(0x21, 0x22, 3, 1).Status); // of the data interface, which has no lines
        Assert.Equal(4, peer.Ask(0xC0, 5, 0, 1, 2).Status); // FTDI's
        Assert.Equal(4, peer.Ask(0xA1, 0x7E, 0, 0, 2).Status);
        Assert.Equal(0, peer.Ask(0x21, 0x23, 0xFFFF).Status); // a break
        Assert.False(_rig.Port.IsGuestOpen);
        Assert.Equal(coding, peer.Ask(0xA1, 0x21, 0, 0, 7).Data);
    }

    [Fact]
    public void ControlLines_AreTheGuestsEnd()
    {
        using UsbPeer peer = _rig.Fetch();
        SetLines(peer, 3);
        Assert.True(_rig.Port.IsGuestOpen);
        SetLines(peer, 2); // RTS alone
        Assert.False(_rig.Port.IsGuestOpen);
        SetLines(peer, 1);
        Assert.True(_rig.Port.IsGuestOpen);
        peer.Send(3, 0);
        _ = peer.Ask(0x80, 8, 0, 0, 1);
        Assert.False(_rig.Port.IsGuestOpen);
    }

    [Fact]
    public void HostEnd_ThatComesAndGoes_IsNotified()
    {
        using UsbPeer peer = _rig.Fetch();
        peer.Send(15, 4, Notifications);
        Assert.Equal([0, Notifications], peer.Expect(17));
        ExpectState(peer, 0);
        Connect(true);
        ExpectState(peer, 3); // DCD, DSR
        Connect(false);
        ExpectState(peer, 0);
        Assert.True(peer.IsQuiet);

        // Nobody wants to know; who asks again learns how it is, whatever was told before.
        peer.Send(16, 5, Notifications);
        Assert.Equal([0, Notifications], peer.Expect(17));
        Connect(true);
        Assert.True(peer.IsQuiet);
        peer.Send(15, 6, Notifications);
        _ = peer.Expect(17);
        ExpectState(peer, 3);

        peer.Send(3, 0);
        ExpectState(peer, 3);
        Connect(false);
        ExpectState(peer, 0);
    }

    [Fact]
    public void Notifications_OfAnAdapterThatIsTurnedOff_CannotBeHad()
    {
        using UsbPeer peer = _rig.Fetch();
        peer.Send(6, 1, 0);
        _ = peer.Expect(5);
        _ = peer.Expect(4);
        _ = peer.Expect(8);
        peer.Send(15, 2, Notifications);
        Assert.Equal([2, Notifications], peer.Expect(17));
        Connect(true);
        Assert.True(peer.IsQuiet);
    }

    [Fact]
    public void In_HasNothingButData()
    {
        Connect(true);
        using UsbPeer peer = _rig.Fetch();
        peer.SubmitIn(1, 1024);
        SetLines(peer, 3);
        Assert.True(peer.IsQuiet); // how the line is has its own endpoint
        _rig.Thread.Invoke(() => _end.Give("data"u8));
        Assert.Equal("data"u8, peer.ExpectBulk(1).Data);

        byte[] bytes = System.Security.Cryptography.RandomNumberGenerator.GetBytes(1500);
        peer.SubmitIn(2, 1024);
        peer.SubmitIn(3, 1024);
        _rig.Thread.Invoke(() => _end.Give(bytes));
        Assert.Equal(bytes[..1024], peer.ExpectBulk(2).Data);
        Assert.Equal(bytes[1024..], peer.ExpectBulk(3).Data);
    }

    [Fact]
    public void In_ForADriverThatAsksNoMoreUntilItHasAll_IsAnsweredWhole()
    {
        const int Transfers = 16; // as cdc_acm
        const int Length = 1024;
        Connect(true);
        using UsbPeer peer = _rig.Fetch();
        SetLines(peer, 3);
        byte[] bytes = System.Security.Cryptography.RandomNumberGenerator.GetBytes(Transfers * Length);
        _rig.Thread.Invoke(() => _end.Give(bytes));
        for (ulong id = 1; id <= Transfers; id++)
        {
            peer.SubmitIn(id, Length);
        }

        byte[] came = [.. Enumerable.Range(1, Transfers).SelectMany(id => peer.ExpectBulk((ulong)id).Data)];
        Assert.Equal(bytes, came);
    }

    [Fact]
    public void Out_IsOverWhenTheHostEndTookIt()
    {
        Connect(true);
        using UsbPeer peer = _rig.Fetch();
        SetLines(peer, 3);
        _rig.Thread.Invoke(() => _end.Allow(3));
        byte[] bytes = System.Security.Cryptography.RandomNumberGenerator.GetBytes(10_240); // as much as cdc_acm writes at once
        peer.SubmitOut(2, bytes);
        Assert.True(peer.IsQuiet);
        _rig.Thread.Invoke(() => _end.Allow(long.MaxValue));
        Assert.Equal(bytes.Length, peer.ExpectBulk(2).Length);
        Assert.Equal(bytes, _rig.Thread.Invoke(() => _end.Taken.ToArray()));
    }

    private static void SetLines(UsbPeer peer, ushort lines) => Assert.Equal(0, peer.Ask(0x21, 0x22, lines).Status);

    private static void ExpectState(UsbPeer peer, byte state)
        => Assert.Equal(
            [
                Notifications, 0, 10, 0, // endpoint, success, length
                0xA1, 0x20, 0, 0, 0, 0, 2, 0, // SERIAL_STATE of interface 0, two bytes
                state, 0,
            ],
            peer.Expect(103));

    private void Connect(bool isOpen) => _rig.Thread.Invoke(() => _end.Connect(isOpen));
}
