using CsCheck;
using VmChannel.Wire.VdAgent;
using Xunit;

namespace VmChannel.Wire.Tests.VdAgent;

public sealed class ClipboardPayloadTests
{
    private const AgentCapabilities Full = AgentCapabilities.ClipboardSelection | AgentCapabilities.ClipboardGrabSerial;

    private static ReadOnlySpan<byte> PrimaryGrab =>
    [
        0x01, 0x00, 0x00, 0x00, // selection: PRIMARY, padding
        0x05, 0x00, 0x00, 0x00, // serial
        0x02, 0x00, 0x00, 0x00, // type: IMAGE_PNG
        0x01, 0x00, 0x00, 0x00, // type: UTF8_TEXT
    ];

    private static ReadOnlySpan<byte> HelloData =>
    [
        0x00, 0x00, 0x00, 0x00,       // selection: CLIPBOARD, padding
        0x01, 0x00, 0x00, 0x00,       // type: UTF8_TEXT
        0x68, 0x65, 0x6c, 0x6c, 0x6f, // data: hello
    ];

    private static ReadOnlySpan<byte> Announcement =>
    [
        0x01, 0x00, 0x00, 0x00, // request
        0x60, 0x00, 0x02, 0x00, // caps[0]: CLIPBOARD_BY_DEMAND, CLIPBOARD_SELECTION, CLIPBOARD_GRAB_SERIAL
    ];

    [Fact]
    public void Grab_WithSelectionAndSerial_YieldsEveryField()
    {
        Assert.True(ClipboardGrab.TryRead(PrimaryGrab, Full, out ClipboardGrab grab));
        Assert.Equal(new ClipboardGrab(ClipboardSelection.Primary, 5, ClipboardTypes.Png | ClipboardTypes.Utf8Text), grab);
    }

    [Fact]
    public void Grab_WithNeither_IsOnlyTypes()
    {
        Assert.True(ClipboardGrab.TryRead(PrimaryGrab[8..12], AgentCapabilities.None, out ClipboardGrab grab));
        Assert.Equal(new ClipboardGrab(ClipboardSelection.Clipboard, 0, ClipboardTypes.Png), grab);
    }

    [Fact]
    public void Grab_CutShort_ReturnsFalse()
    {
        for (int length = 0; length < 8; length++)
        {
            Assert.False(ClipboardGrab.TryRead(PrimaryGrab[..length], Full, out _));
        }
    }

    [Fact]
    public void Grab_WithMoreTypesThanExist_LooksAtTheFirst()
    {
        byte[] payload = new byte[8 + (4 * (ClipboardGrab.MaxTypes + 1))];
        payload[^4] = 1;
        Assert.True(ClipboardGrab.TryRead(payload, Full, out ClipboardGrab grab));
        Assert.False(grab.HasText);
    }

    [Fact]
    public void Release_WithAndWithoutPadding_NamesItsSelection()
    {
        Assert.True(ClipboardRelease.TryRead([2], Full, out ClipboardRelease cut));
        Assert.Equal(ClipboardSelection.Secondary, cut.Selection);
        byte[] buffer = new byte[ClipboardPrefix.Size];
        Assert.Equal(4, cut.Write(buffer, Full));
        Assert.True(ClipboardRelease.TryRead(buffer, Full, out ClipboardRelease whole));
        Assert.Equal(cut, whole);
        Assert.True(ClipboardRelease.TryRead([], AgentCapabilities.None, out ClipboardRelease old));
        Assert.Equal(ClipboardSelection.Clipboard, old.Selection);
        Assert.False(ClipboardRelease.TryRead([], Full, out _));
    }

    [Fact]
    public void Types_NobodyKnows_AreNoneOfTheSet()
    {
        Assert.Equal(ClipboardTypes.None, ((ClipboardType)0).Only());
        Assert.Equal(ClipboardTypes.None, ((ClipboardType)7).Only());
        Assert.Equal(ClipboardTypes.None, ((ClipboardType)33).Only());
        Assert.False(ClipboardTypes.None.Has(ClipboardType.None));
    }

    [Fact]
    public void Data_WithSelection_LeavesTheText()
    {
        ReadOnlySpan<byte> payload = HelloData;
        Assert.True(ClipboardRequest.TryTake(ref payload, Full, out ClipboardRequest head));
        Assert.Equal(new ClipboardRequest(ClipboardSelection.Clipboard, ClipboardType.Utf8Text), head);
        Assert.Equal("hello"u8, payload);
    }

    [Fact]
    public void Data_CutShort_ReturnsFalseAndTakesNothing()
    {
        for (int length = 0; length < 8; length++)
        {
            ReadOnlySpan<byte> payload = HelloData[..length];
            Assert.False(ClipboardRequest.TryTake(ref payload, Full, out _));
            Assert.Equal(length, payload.Length);
        }
    }

    [Fact]
    public void Capabilities_Bytes_YieldEveryField()
    {
        Assert.True(CapabilitiesMessage.TryRead(Announcement, out CapabilitiesMessage message));
        Assert.Equal(new CapabilitiesMessage(IsRequest: true, Full | AgentCapabilities.ClipboardByDemand), message);
    }

    [Fact]
    public void Capabilities_WithoutAWord_AreNone()
    {
        Assert.True(CapabilitiesMessage.TryRead(Announcement[..4], out CapabilitiesMessage message));
        Assert.Equal(AgentCapabilities.None, message.Capabilities);
        Assert.False(CapabilitiesMessage.TryRead(Announcement[..3], out _));
    }

    [Fact]
    public void Grab_WriteThenTryRead_IsIdentity() => Gen.Select(Gen.Byte, Gen.UInt, Gen.UInt[0, 63]).Sample((selection, serial, types) =>
    {
        byte[] buffer = new byte[ClipboardGrab.MaxSize];
        ClipboardGrab grab = new((ClipboardSelection)selection, serial, (ClipboardTypes)(types << 1));
        int written = grab.Write(buffer, Full);
        return ClipboardGrab.TryRead(buffer.AsSpan(0, written), Full, out ClipboardGrab read) && read == grab;
    });

    [Fact]
    public void Request_WriteThenTryTake_IsIdentity() => Gen.Select(Gen.Byte, Gen.UInt).Sample((selection, type) =>
    {
        byte[] buffer = new byte[ClipboardRequest.MaxSize];
        ClipboardRequest request = new((ClipboardSelection)selection, (ClipboardType)type);
        ReadOnlySpan<byte> written = buffer.AsSpan(0, request.Write(buffer, Full));
        return ClipboardRequest.TryTake(ref written, Full, out ClipboardRequest read) && read == request && written.IsEmpty;
    });
}
