using System.Text;
using CsCheck;
using Xunit;

namespace VmChannel.Wire.Tests;

public sealed class UeventTests
{
    private static ReadOnlySpan<byte> PortAdded =>
        "add@/devices/pci0000:00/0000:00:03.0/virtio0/virtio-ports/vport0p1\0"u8
        + "ACTION=add\0DEVPATH=/devices/pci0000:00/0000:00:03.0/virtio0/virtio-ports/vport0p1\0"u8
        + "SUBSYSTEM=virtio-ports\0MAJOR=251\0MINOR=1\0DEVNAME=vport0p1\0SEQNUM=1234\0"u8;

    [Fact]
    public void TryRead_PortAdded_YieldsSubsystem()
    {
        Assert.True(Uevent.TryRead(PortAdded, out Uevent uevent));
        Assert.Equal("virtio-ports", Encoding.ASCII.GetString(uevent.Subsystem));
    }

    [Theory]
    [InlineData("")]
    [InlineData("add@/devices/x")]
    [InlineData("\0SUBSYSTEM=virtio-ports\0")]
    [InlineData("libudev\0SUBSYSTEM=virtio-ports\0")]
    public void TryRead_NotFromTheKernel_ReturnsFalse(string text) =>
        Assert.False(Uevent.TryRead(Encoding.ASCII.GetBytes(text), out _));

    [Fact]
    public void Subsystem_NotGiven_IsEmpty()
    {
        Assert.True(Uevent.TryRead("add@/x\0ACTION=add\0XSUBSYSTEM=no"u8, out Uevent uevent));
        Assert.True(uevent.Subsystem.IsEmpty);
    }

    [Fact]
    public void TryRead_AnyBytes_NeverThrows() => Gen.Byte.Array[0, 80].Sample(bytes =>
    {
        bytes = [(byte)'a', (byte)'@', (byte)'/', 0, .. bytes];
        Assert.True(Uevent.TryRead(bytes, out Uevent uevent));
        Assert.True(uevent.Subsystem.Length < bytes.Length);
    });
}
