using CsCheck;
using VmChannel.Wire.VirtioConsole;
using Xunit;

namespace VmChannel.Wire.Tests.VirtioConsole;

public sealed class ControlMessageTests
{
    private static readonly byte[] PortOpen =
    [
        0x04, 0x00, 0x00, 0x00, // id
        0x06, 0x00, // event: VIRTIO_CONSOLE_PORT_OPEN
        0x01, 0x00, // value
    ];

    [Fact]
    public void TryRead_Bytes_AreTheSpecificationsFields()
    {
        Assert.True(ControlMessage.TryRead(PortOpen, out ControlMessage message));
        Assert.Equal(new ControlMessage(4, ControlEvent.PortOpen, 1), message);
        Assert.Equal(ControlMessage.Size, PortOpen.Length);
        byte[] wire = new byte[ControlMessage.Size];
        message.Write(wire);
        Assert.Equal(PortOpen, wire);
    }

    [Fact]
    public void TryRead_OneByteShort_IsRefused()
    {
        Assert.False(ControlMessage.TryRead(PortOpen.AsSpan(0, 7), out ControlMessage message));
        Assert.Equal(default, message);
    }

    [Fact]
    public void TryRead_BytesAfterIt_AreLeftAlone()
    {
        Assert.True(ControlMessage.TryRead([.. PortOpen, 0xFF, 0xFF], out ControlMessage message));
        Assert.Equal(new ControlMessage(4, ControlEvent.PortOpen, 1), message);
    }

    [Theory]
    [InlineData(ControlEvent.DeviceReady, 0)]
    [InlineData(ControlEvent.PortAdd, 1)]
    [InlineData(ControlEvent.PortRemove, 2)]
    [InlineData(ControlEvent.PortReady, 3)]
    [InlineData(ControlEvent.ConsolePort, 4)]
    [InlineData(ControlEvent.Resize, 5)]
    [InlineData(ControlEvent.PortOpen, 6)]
    [InlineData(ControlEvent.PortName, 7)]
    public void Event_Number_IsTheSpecifications(ControlEvent @event, int number) => Assert.Equal(number, (int)@event);

    [Fact]
    public void Write_AnyMessage_IsReadBackWithUnknownEvents()
        => Gen.Select(Gen.UInt, Gen.UShort, Gen.UShort).Sample((port, @event, value) =>
        {
            ControlMessage message = new(port, (ControlEvent)@event, value);
            byte[] wire = new byte[ControlMessage.Size];
            message.Write(wire);
            Assert.True(ControlMessage.TryRead(wire, out ControlMessage again));
            Assert.Equal(message, again);
        });
}
