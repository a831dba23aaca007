using System.Buffers;
using System.Text;
using VmChannel.Wire.UsbIp;
using Xunit;

namespace VmChannel.Wire.Tests.UsbIp;

public sealed class UsbIpRequestTests
{
    private static readonly byte[] List =
    [
        0x01, 0x11, // version 1.1.1
        0x80, 0x05, // OP_REQ_DEVLIST
        0, 0, 0, 0, // status, unused
    ];

    private static readonly byte[] Import =
    [
        0x01, 0x11,
        0x80, 0x03, // OP_REQ_IMPORT
        0, 0, 0, 0,
        (byte)'1', (byte)'-', (byte)'7', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // busid: 32 bytes
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];

    [Fact]
    public void TryTake_List_IsEightBytes()
    {
        ReadOnlySpan<byte> input = [.. List, 0xAA];
        Assert.Equal(OperationStatus.Done, UsbIpRequest.TryTake(ref input, out UsbIpRequest request));
        Assert.Equal(new UsbIpRequest(new(0x0111, UsbIpCode.ListRequest, UsbIpOutcome.Good), ""), request);
        Assert.Equal([0xAA], input.ToArray());
    }

    [Fact]
    public void TryTake_Import_HasTheBusId()
    {
        ReadOnlySpan<byte> input = [.. Import, 0xAA];
        Assert.Equal(OperationStatus.Done, UsbIpRequest.TryTake(ref input, out UsbIpRequest request));
        Assert.Equal(UsbIpCode.ImportRequest, request.Operation.Code);
        Assert.Equal("1-7", request.BusId);
        Assert.Equal([0xAA], input.ToArray());
    }

    [Fact]
    public void TryTake_EveryPartOfAnImport_NeedsMore()
    {
        for (int length = 0; length < Import.Length; length++)
        {
            ReadOnlySpan<byte> input = Import.AsSpan(0, length);
            Assert.Equal(OperationStatus.NeedMoreData, UsbIpRequest.TryTake(ref input, out _));
            Assert.Equal(length, input.Length);
        }
    }

    [Theory]
    [InlineData(0, (byte)0x00)] // version 0.1.1
    [InlineData(1, (byte)0x06)] // version 1.0.6
    [InlineData(2, (byte)0x00)] // OP_REP_IMPORT: a server's word
    [InlineData(3, (byte)0x06)] // OP_REQ_EXPORT: Linux has it, and nobody uses it
    [InlineData(8, (byte)0x00)] // no bus id
    [InlineData(9, (byte)' ')]
    [InlineData(9, (byte)'\n')]
    [InlineData(9, (byte)0xFF)]
    public void TryTake_ImportWithOneByteWrong_IsInvalidAndTakesNothing(int at, byte value)
    {
        byte[] bytes = [.. Import];
        bytes[at] = value;
        ReadOnlySpan<byte> input = bytes;
        Assert.Equal(OperationStatus.InvalidData, UsbIpRequest.TryTake(ref input, out UsbIpRequest request));
        Assert.Equal(bytes.Length, input.Length);
        Assert.Equal("", request.BusId);
    }

    [Fact]
    public void TryTake_OtherVersion_SaysWhich()
    {
        ReadOnlySpan<byte> input = [0x01, 0x06, 0x80, 0x05, 0, 0, 0, 0];
        Assert.Equal(OperationStatus.InvalidData, UsbIpRequest.TryTake(ref input, out UsbIpRequest request));
        Assert.Equal(0x0106, request.Operation.Version);
    }

    [Fact]
    public void TryTake_BusIdWithoutAZero_IsAllOfIt()
    {
        byte[] bytes = [.. Import];
        bytes.AsSpan(8).Fill((byte)'x');
        ReadOnlySpan<byte> input = bytes;
        Assert.Equal(OperationStatus.Done, UsbIpRequest.TryTake(ref input, out UsbIpRequest request));
        Assert.Equal(new string('x', 32), request.BusId);
    }

    [Fact]
    public void Device_Written_IsWhereLinuxReadsIt()
    {
        UsbIpDevice device = new("vmchannel:org.example.demo", "2-5", 2, 5, 0x0525, 0xA4A7, 0x0100, new(0xEF, 2, 1), 2);
        byte[] wire = new byte[UsbIpDevice.Size];
        wire.AsSpan().Fill(0xEE);
        device.Write(wire);

        Assert.Equal(312, wire.Length);
        Assert.Equal("vmchannel:org.example.demo" + new string('\0', 230), Encoding.ASCII.GetString(wire, 0, 256)); // path
        Assert.Equal("2-5" + new string('\0', 29), Encoding.ASCII.GetString(wire, 256, 32)); // busid
        Assert.Equal(
            [
                0, 0, 0, 2, // busnum
                0, 0, 0, 5, // devnum
                0, 0, 0, 3, // speed: USB_SPEED_HIGH
                0x05, 0x25, // idVendor
                0xA4, 0xA7, // idProduct
                0x01, 0x00, // bcdDevice
                0xEF, 2, 1, // bDeviceClass, bDeviceSubClass, bDeviceProtocol
                1, // bConfigurationValue
                1, // bNumConfigurations
                2, // bNumInterfaces
            ],
            wire[288..]);
        Assert.Equal(0x0002_0005u, device.Id);
    }

    [Fact]
    public void Interface_Written_HasItsClass()
    {
        byte[] wire = [9, 9, 9, 9];
        UsbIpDevice.WriteInterface(wire, new(2, 2, 1));
        Assert.Equal([2, 2, 1, 0], wire);
    }

    [Fact]
    public void Operation_Written_IsReadBack()
    {
        byte[] wire = new byte[UsbIpOperation.Size];
        new UsbIpOperation(UsbIpOperation.CurrentVersion, UsbIpCode.ImportReply, UsbIpOutcome.Busy).Write(wire);
        Assert.Equal([0x01, 0x11, 0x00, 0x03, 0, 0, 0, 2], wire);
        Assert.True(UsbIpOperation.TryRead(wire, out UsbIpOperation again));
        Assert.Equal(new(0x0111, UsbIpCode.ImportReply, UsbIpOutcome.Busy), again);
    }
}
