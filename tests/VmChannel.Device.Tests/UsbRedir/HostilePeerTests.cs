using VmChannel.Testing;
using Xunit;

namespace VmChannel.Device.Tests.UsbRedir;

/// <summary>Peers that break the protocol, or try to use up the server.</summary>
public sealed class HostilePeerTests : IDisposable
{
    private readonly LoopThread _loop = new(new LogLines());
    private readonly UsbRig _rig;
    private readonly UsbRig _other;

    public HostilePeerTests()
    {
        _rig = new UsbRig(new EndlessEnd(), _loop);
        _other = new UsbRig(new EndlessEnd(), _loop);
    }

    public void Dispose()
    {
        _rig.Dispose();
        _other.Dispose();
        _loop.Dispose();
    }

    [Fact]
    public void Peer_ThatSaysNothing_MakesRoomForTheNext()
    {
        using UsbPeer silent = UsbPeer.ConnectSilently(_rig.Name);
        _ = silent.ReceiveHello();
        using (UsbPeer early = UsbPeer.ConnectSilently(_rig.Name))
        {
            early.ExpectEnd();
        }

        _loop.Invoke(() => _rig.Server.HelloTime = TimeSpan.Zero);
        using UsbPeer next = _rig.Fetch();
        silent.ExpectEnd();
        Assert.True(_rig.Log.Contains("it said nothing, and another came"));

        // One that has the adapter keeps it.
        using UsbPeer late = UsbPeer.ConnectSilently(_rig.Name);
        late.ExpectEnd();
    }

    public static TheoryData<string, uint, byte[]> Broken => new()
    {
        { "a second hello", 0, new byte[68] },
        { "a packet of the device's side", 1, new byte[10] },
        { "interfaces, from the wrong side", 4, new byte[132] },
        { "a type that is none", 99, [] },
        { "a type far away", uint.MaxValue, [] },
        { "a reset with a payload", 3, [1] },
        { "a configuration without a number", 6, [] },
        { "two configurations", 6, [1, 1] },
        { "a question with a payload", 7, [1] },
        { "half an alternate setting", 9, [0] },
        { "an alternate setting of nothing", 10, [] },
        { "half a start of a stream", 12, [0x81, 1] },
        { "interrupts of no endpoint", 15, [] },
        { "streams, which were not agreed on", 18, new byte[8] },
        { "a cancel with a payload", 21, [0] },
        { "a filter without end", 23, new byte[16 * 1024 + 1] },
        { "an acknowledgement, which was not agreed on", 24, [] },
        { "an acknowledgement with a payload", 24, [0] },
        { "bulk receiving, which was not agreed on", 25, new byte[10] },
        { "a control packet cut short", 100, new byte[9] },
        { "a control request with less data than it says", 100, [0, 9, 0x40, 0, 1, 0, 0, 0, 4, 0, 1, 2, 3] },
        { "a control question with data", 100, [0x80, 6, 0x80, 0, 0, 1, 0, 0, 18, 0, 1] },
        { "a bulk packet cut short", 101, new byte[9] },
        { "bulk data that is not there", 101, UsbPeer.Bulk(0x02, 0, 5) },
        { "a bulk question with data", 101, [.. UsbPeer.Bulk(0x81, 0, 1), 7] },
        { "four gigabytes that are not there", 101, UsbPeer.Bulk(0x02, 0, uint.MaxValue) },
        { "an isochronous packet cut short", 102, [0x83, 0, 0] },
        { "buffered data, from the wrong side", 104, new byte[10] },
    };

    [Theory]
    [MemberData(nameof(Broken))]
    public void Packet_ThatMakesNoSense_EndsThisConnectionOnly(string what, uint type, byte[] payload)
    {
        using UsbPeer other = _other.Fetch();
        using (UsbPeer peer = _rig.Fetch())
        {
            int lines = _rig.Log.All.Count;
            peer.Send(type, 1, payload);
            peer.ExpectEnd();
            Assert.True(_rig.Log.All.Skip(lines).Single().Contains("the connection to the front-end", StringComparison.Ordinal), what);
        }

        other.SetDtr(true);
        using UsbPeer next = _rig.Fetch();
        next.SetDtr(true);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n\r\n")] // claims to be as long as its letters say
    [InlineData("\x01\0\0\0\x04\0\0\0\0\0\0\0abcd")] // a packet before the hello
    [InlineData("\0\0\0\0\x04\0\0\0\0\0\0\0abcd")] // a hello that is none
    public void Bytes_OfSomebodyElse_EndTheConnection(string bytes)
    {
        using UsbPeer peer = UsbPeer.ConnectSilently(_rig.Name);
        _ = peer.ReceiveHello();
        peer.SendRaw(System.Text.Encoding.Latin1.GetBytes(bytes));
        peer.ExpectEnd();
    }

    [Fact]
    public void Packet_LongerThanAny_EndsTheConnectionBeforeItCame()
    {
        using UsbPeer peer = _rig.Fetch();
        peer.SendRaw([101, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0]);
        peer.ExpectEnd();
        Assert.True(_rig.Log.Contains("claims 1073741824 bytes"));
    }

    [Fact]
    public void Flood_OfAPeerThatReadsNothing_IsHeldBack()
    {
        using UsbPeer peer = _rig.Fetch();
        peer.SetDtr(true);
        using UsbPeer other = _other.Fetch();
        long before = _loop.Invoke(GC.GetAllocatedBytesForCurrentThread);

        // Each asks for an answer, or for all the data there is.
        byte[] question = [100, 0, 0, 0, 10, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0x80, 6, 0x80, 0, 0, 2, 0, 0, 255, 0];
        byte[] wish = [101, 0, 0, 0, 10, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, .. UsbPeer.Bulk(0x81, 0, 65536)];
        long sent = peer.Flood([.. Enumerable.Repeat((byte[])[.. question, .. wish], 100).SelectMany(bytes => bytes)]);

        Assert.InRange(sent, 1000, 4 << 20);
        Assert.InRange(_loop.Invoke(GC.GetAllocatedBytesForCurrentThread) - before, 0, 64 * 1024);
        other.SetDtr(true);
        other.SubmitIn(1, 512);
        Assert.Equal(2, other.ExpectBulk(1).Length); // the line
        other.SubmitIn(2, 512);
        Assert.Equal(512, other.ExpectBulk(2).Length);
    }
}
