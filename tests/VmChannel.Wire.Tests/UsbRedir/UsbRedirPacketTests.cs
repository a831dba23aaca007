using System.Buffers;
using CsCheck;
using VmChannel.Wire.Usb;
using VmChannel.Wire.UsbRedir;
using Xunit;

namespace VmChannel.Wire.Tests.UsbRedir;

public sealed class UsbRedirPacketTests
{
    private const UsbRedirCapabilities All = (UsbRedirCapabilities)0xFF;

    private static ReadOnlySpan<byte> WideCancel =>
    [
        21, 0, 0, 0, // type: cancel_data_packet
        2, 0, 0, 0, // length
        8, 7, 6, 5, 4, 3, 2, 1, // id of 64 bits
        0xAA, 0xBB, // payload
        0xCC, // of the next packet
    ];

    [Fact]
    public void TryTake_WholePacket_AdvancesPastIt()
    {
        ReadOnlySpan<byte> input = WideCancel;
        Assert.Equal(OperationStatus.Done, UsbRedirHeader.TryTake(ref input, wideIds: true, out UsbRedirHeader header, out ReadOnlySpan<byte> payload));
        Assert.Equal(new UsbRedirHeader(UsbRedirType.CancelDataPacket, 2, 0x0102030405060708), header);
        Assert.Equal([0xAA, 0xBB], payload.ToArray());
        Assert.Equal([0xCC], input.ToArray());
    }

    [Fact]
    public void TryTake_ShortIds_TakesTwelveBytes()
    {
        ReadOnlySpan<byte> input = [3, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0];
        Assert.Equal(OperationStatus.Done, UsbRedirHeader.TryTake(ref input, wideIds: false, out UsbRedirHeader header, out _));
        Assert.Equal(new UsbRedirHeader(UsbRedirType.Reset, 0, 9), header);
        Assert.True(input.IsEmpty);
    }

    [Fact]
    public void TryTake_AnythingLess_WantsMoreAndTakesNothing()
    {
        for (int count = 0; count < WideCancel.Length - 1; count++)
        {
            ReadOnlySpan<byte> input = WideCancel[..count];
            Assert.Equal(OperationStatus.NeedMoreData, UsbRedirHeader.TryTake(ref input, wideIds: true, out UsbRedirHeader header, out _));
            Assert.Equal(count, input.Length);
            Assert.Equal(count < UsbRedirHeader.WideSize ? 0u : 2u, header.PayloadBytes);
        }
    }

    [Fact]
    public void TryTake_MoreThanAnyPacketHas_IsInvalidWithoutThePayload()
    {
        ReadOnlySpan<byte> input = [101, 0, 0, 0, 11, 0, 0x10, 0, 0, 0, 0, 0]; // a megabyte and eleven bytes
        Assert.Equal(OperationStatus.InvalidData, UsbRedirHeader.TryTake(ref input, wideIds: false, out _, out _));
    }

    [Fact]
    public void Header_WrittenAndTaken_IsTheSame()
        => Gen.Select(Gen.UInt, Gen.ULong, Gen.Bool).Sample((type, id, wide) =>
        {
            byte[] bytes = new byte[UsbRedirHeader.WideSize];
            UsbRedirHeader header = new((UsbRedirType)type, 0, wide ? id : id & uint.MaxValue);
            ReadOnlySpan<byte> input = bytes.AsSpan(0, header.Write(bytes, wide));
            return UsbRedirHeader.TryTake(ref input, wide, out UsbRedirHeader same, out _) == OperationStatus.Done && same == header && input.IsEmpty;
        });

    [Theory]
    [InlineData(63)]
    [InlineData(66)]
    [InlineData(64 + 68)]
    public void Hello_OfAWrongLength_IsNone(int length)
        => Assert.False(UsbRedirHello.TryRead(new byte[length], out _, out _));

    [Fact]
    public void Hello_WithoutCapabilities_IsFromThePast()
    {
        byte[] hello = new byte[64];
        "usbredir 0.3\x1B["u8.CopyTo(hello);
        Assert.True(UsbRedirHello.TryRead(hello, out string version, out UsbRedirCapabilities capabilities));
        Assert.Equal("usbredir 0.3?[", version);
        Assert.Equal(UsbRedirCapabilities.None, capabilities);
    }

    [Fact]
    public void Bulk_WithLongLength_HasItsHighHalfAtTheEnd()
    {
        byte[] wire =
        [
            0x02, // endpoint
            1, // status: cancelled
            0x34, 0x12, // length, low half
            4, 3, 2, 1, // stream
            0x01, 0x00, // length, high half
        ];
        Assert.True(UsbRedirBulk.TryRead(wire, All, out UsbRedirBulk packet));
        Assert.Equal(new UsbRedirBulk(0x02, UsbRedirStatus.Cancelled, 0x11234, 0x01020304), packet);
        byte[] again = new byte[10];
        packet.Write(again, All);
        Assert.Equal(wire, again);
        Assert.False(UsbRedirBulk.TryRead(wire.AsSpan(0, 9), All, out _));
        Assert.True(UsbRedirBulk.TryRead(wire.AsSpan(0, 8), UsbRedirCapabilities.None, out packet));
        Assert.Equal(0x1234u, packet.Length);
    }

    [Fact]
    public void Control_HasTheSetupPacketInAnotherOrder()
    {
        byte[] wire =
        [
            0x80, // endpoint
            6, // bRequest: GET_DESCRIPTOR
            0x80, // bmRequestType
            0, // status
            0x02, 0x03, // wValue: string 2
            0x09, 0x04, // wIndex
            0xFF, 0x00, // wLength
        ];
        Assert.True(UsbRedirControl.TryRead(wire, out UsbRedirControl packet));
        Assert.Equal(new SetupPacket(0x80, 6, 0x0302, 0x0409, 255), packet.Setup);
        Assert.True(packet.Setup.IsIn);
        byte[] again = new byte[10];
        packet.Write(again);
        Assert.Equal(wire, again);
        Assert.False(UsbRedirControl.TryRead(wire.AsSpan(0, 9), out _));
    }

    [Theory]
    [InlineData(0x00, 0)]
    [InlineData(0x02, 2)]
    [InlineData(0x80, 16)]
    [InlineData(0x81, 17)]
    [InlineData(0x8F, 31)]
    public void Endpoint_OfAnAddress_HasItsPlace(byte endpoint, int place) => Assert.Equal(place, UsbRedirEndpoints.Place(endpoint));

    [Fact]
    public void ProductString_OfTheLongestName_FitsAndIsReadBack()
    {
        Assert.Equal(StringDescriptor.MaxUnits, ChannelProduct.Prefix.Length + ChannelProduct.MaxNameLength);
        Assert.True(ProtocolName.TryParse(new string('a', ChannelProduct.MaxNameLength), out ProtocolName name, out _));
        byte[] descriptor = StringDescriptor.Of(ChannelProduct.Of(name));
        Assert.Equal([254, 3, (byte)'v', 0], descriptor[..4]);
        Assert.True(ChannelProduct.TryParse(ChannelProduct.Of(name), out ProtocolName same));
        Assert.Equal(name, same);
        Assert.False(ChannelProduct.TryParse("QEMU USB SERIAL", out _));
        Assert.False(ChannelProduct.TryParse("vmchannel:", out _));
        Assert.False(ChannelProduct.TryParse(null, out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => StringDescriptor.Of(new string('a', 127)));
    }
}
