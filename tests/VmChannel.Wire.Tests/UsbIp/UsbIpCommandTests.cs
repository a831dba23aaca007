using System.Buffers;
using CsCheck;
using VmChannel.Wire.Usb;
using VmChannel.Wire.UsbIp;
using Xunit;

namespace VmChannel.Wire.Tests.UsbIp;

public sealed class UsbIpCommandTests
{
    private static readonly byte[] GetDescriptor =
    [
        0, 0, 0, 1, // USBIP_CMD_SUBMIT
        0, 0, 0x0D, 0x05, // seqnum
        0, 1, 0, 2, // devid: bus 1, device 2
        0, 0, 0, 1, // direction: in
        0, 0, 0, 0, // ep
        0, 0, 2, 0, // transfer_flags
        0, 0, 0, 0x12, // transfer_buffer_length
        0, 0, 0, 0, // start_frame
        0xFF, 0xFF, 0xFF, 0xFF, // number_of_packets: not isochronous
        0, 0, 0, 0, // interval
        0x80, 6, 0, 1, 0, 0, 0x12, 0, // setup, little-endian: 18 bytes of the device's descriptor
    ];

    private static readonly byte[] BulkOut =
    [
        0, 0, 0, 1, // USBIP_CMD_SUBMIT
        0, 0, 0x0D, 0x06, // seqnum
        0, 1, 0, 2, // devid
        0, 0, 0, 0, // direction: out
        0, 0, 0, 2, // ep
        0, 0, 0, 0, // transfer_flags
        0, 0, 0, 3, // transfer_buffer_length
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // start_frame, number_of_packets, interval
        0, 0, 0, 0, 0, 0, 0, 0, // setup
        (byte)'a', (byte)'b', (byte)'c', // transfer_buffer
    ];

    private static readonly byte[] Unlink =
    [
        0, 0, 0, 2, // USBIP_CMD_UNLINK
        0, 0, 0x0D, 0x07, // seqnum
        0, 1, 0, 2, // devid
        0, 0, 0, 0, // direction
        0, 0, 0, 0, // ep
        0, 0, 0x0D, 0x05, // unlink_seqnum
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // padding
    ];

    [Fact]
    public void TryTake_ControlIn_HasTheSetupAndNoData()
    {
        ReadOnlySpan<byte> input = [.. GetDescriptor, 0xAA];
        Assert.Equal(OperationStatus.Done, UsbIpCommand.TryTake(ref input, out UsbIpCommand command, out ReadOnlySpan<byte> data));
        SetupPacket setup = new(0x80, 6, 0x0100, 0, 18);
        Assert.Equal(new UsbIpCommand(UsbIpKind.Submit, 0xD05, 0x10002, true, 0, 18, setup, 0), command);
        Assert.True(data.IsEmpty);
        Assert.Equal([0xAA], input.ToArray());
    }

    [Fact]
    public void TryTake_BulkOut_HasItsData()
    {
        ReadOnlySpan<byte> input = [.. BulkOut, 0xAA];
        Assert.Equal(OperationStatus.Done, UsbIpCommand.TryTake(ref input, out UsbIpCommand command, out ReadOnlySpan<byte> data));
        Assert.Equal(new UsbIpCommand(UsbIpKind.Submit, 0xD06, 0x10002, false, 2, 3, default, 0), command);
        Assert.Equal("abc"u8, data.ToArray());
        Assert.Equal([0xAA], input.ToArray());
    }

    [Fact]
    public void TryTake_Unlink_NamesTheTransfer()
    {
        ReadOnlySpan<byte> input = [.. Unlink, 0xAA];
        Assert.Equal(OperationStatus.Done, UsbIpCommand.TryTake(ref input, out UsbIpCommand command, out ReadOnlySpan<byte> data));
        Assert.Equal(new UsbIpCommand(UsbIpKind.Unlink, 0xD07, 0x10002, false, 0, 0, default, 0xD05), command);
        Assert.True(data.IsEmpty);
        Assert.Equal([0xAA], input.ToArray());
    }

    [Fact]
    public void TryTake_EveryPartOfATransfer_NeedsMoreAndSaysHowMuchOnceItKnows()
    {
        for (int length = 0; length < BulkOut.Length; length++)
        {
            ReadOnlySpan<byte> input = BulkOut.AsSpan(0, length);
            Assert.Equal(OperationStatus.NeedMoreData, UsbIpCommand.TryTake(ref input, out UsbIpCommand command, out _));
            Assert.Equal(length, input.Length);
            Assert.Equal(length < UsbIpCommand.HeaderSize ? 0 : 3, command.DataBytes);
        }
    }

    [Theory]
    [InlineData(0, (byte)1)] // a kind that there is not
    [InlineData(3, (byte)0)]
    [InlineData(3, (byte)3)] // USBIP_RET_SUBMIT: a server's word
    [InlineData(3, (byte)4)]
    [InlineData(15, (byte)2)] // direction
    [InlineData(12, (byte)0x80)]
    [InlineData(19, (byte)16)] // endpoint
    [InlineData(16, (byte)1)]
    [InlineData(24, (byte)0x80)] // length: -2 GiB, 16 MiB, 1 MiB and 3 bytes
    [InlineData(24, (byte)1)]
    [InlineData(25, (byte)0x10)]
    public void TryTake_TransferWithOneByteWrong_IsInvalidAndTakesNothing(int at, byte value)
    {
        byte[] bytes = [.. BulkOut];
        bytes[at] = value;
        ReadOnlySpan<byte> input = bytes;
        Assert.Equal(OperationStatus.InvalidData, UsbIpCommand.TryTake(ref input, out _, out _));
        Assert.Equal(bytes.Length, input.Length);
    }

    [Fact]
    public void TryTake_OutAtTheCap_WaitsForItsData()
    {
        byte[] bytes = [.. BulkOut];
        (bytes[25], bytes[27]) = (0x10, 0); // 1 MiB
        ReadOnlySpan<byte> input = bytes;
        Assert.Equal(OperationStatus.NeedMoreData, UsbIpCommand.TryTake(ref input, out UsbIpCommand command, out _));
        Assert.Equal(UsbIpCommand.MaxDataBytes, command.DataBytes);
    }

    [Theory]
    [InlineData(0x7F, OperationStatus.Done)] // room for 2 GiB: nothing of it is on the wire
    [InlineData(0x80, OperationStatus.InvalidData)]
    public void TryTake_RoomOfAnInTransfer_IsASignedNumber(byte highest, OperationStatus expected)
    {
        byte[] bytes = [.. GetDescriptor];
        bytes[24] = highest;
        ReadOnlySpan<byte> input = bytes;
        Assert.Equal(expected, UsbIpCommand.TryTake(ref input, out UsbIpCommand command, out _));
        Assert.Equal(0, command.DataBytes);
    }

    [Fact]
    public void SubmitReply_Written_IsWhereLinuxReadsIt()
    {
        byte[] wire = new byte[UsbIpReply.Size];
        wire.AsSpan().Fill(0xEE);
        new UsbIpReply(UsbIpKind.SubmitReply, 0xD05, UsbIpStatus.Stalled, 18).Write(wire);
        Assert.Equal(
            [
                0, 0, 0, 3, // USBIP_RET_SUBMIT
                0, 0, 0x0D, 0x05, // seqnum
                0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // devid, direction, ep
                0xFF, 0xFF, 0xFF, 0xE0, // status: -EPIPE
                0, 0, 0, 0x12, // actual_length
                0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // start_frame, number_of_packets, error_count
                0, 0, 0, 0, 0, 0, 0, 0, // padding
            ],
            wire);
    }

    [Fact]
    public void UnlinkReply_Written_IsWhereLinuxReadsIt()
    {
        byte[] wire = new byte[UsbIpReply.Size];
        new UsbIpReply(UsbIpKind.UnlinkReply, 0xD07, UsbIpStatus.Unlinked, 0).Write(wire);
        Assert.Equal(
            [
                0, 0, 0, 4, // USBIP_RET_UNLINK
                0, 0, 0x0D, 0x07, // seqnum
                0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // devid, direction, ep
                0xFF, 0xFF, 0xFF, 0x98, // status: -ECONNRESET
                0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // padding
            ],
            wire);
    }

    [Fact]
    public void Reply_AnyWritten_IsReadBack() => Gen.Select(Gen.UInt, Gen.Int[-200, 0], Gen.Int[0, 1 << 20]).Sample((sequence, status, length) =>
    {
        UsbIpReply reply = new(UsbIpKind.SubmitReply, sequence, (UsbIpStatus)status, length);
        byte[] wire = new byte[UsbIpReply.Size];
        reply.Write(wire);
        Assert.True(UsbIpReply.TryRead(wire, out UsbIpReply again));
        Assert.Equal(reply, again);
        Assert.False(UsbIpReply.TryRead(wire.AsSpan(1), out _));
    });
}
