using CsCheck;
using Xunit;

namespace VmChannel.Guest.Tests;

public sealed class PortIdTests
{
    [Theory]
    [InlineData("vport0p4", 0u, 4u)]
    [InlineData("vport12p31", 12u, 31u)]
    public void TryParse_DeviceNode_YieldsBothNumbers(string node, uint device, uint number)
    {
        Assert.True(PortId.TryParse(node, out PortId id));
        Assert.Equal(new PortId(device, number), id);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("vport")]
    [InlineData("vportp")]
    [InlineData("vport0p")]
    [InlineData("vportp4")]
    [InlineData("vport0p4x")]
    [InlineData("vport00p4")]
    [InlineData("vport0p+4")]
    [InlineData("vport-1p4")]
    [InlineData("vport0p99999999999")]
    [InlineData("xvport0p4")]
    [InlineData("ttyS0")]
    public void TryParse_OtherName_ReturnsFalse(string? node) => Assert.False(PortId.TryParse(node, out _));

    [Fact]
    public void Node_AnyId_ParsesBack() => Gen.Select(Gen.UInt, Gen.UInt).Sample((device, number) =>
        PortId.TryParse(new PortId(device, number).Node, out PortId id) && id == new PortId(device, number));

    [Fact]
    public void Links_OfTwoIds_NeverMix() => Gen.Select(Gen.UInt[0, 20], Gen.UInt[0, 20], Gen.UInt[0, 20], Gen.UInt[0, 20]).Sample((a, b, c, d) =>
    {
        PortId first = new(a, b);
        PortId second = new(c, d);
        Assert.NotEqual(first.ShortLink, second.LongLink);
        Assert.Equal(first == second, first.LongLink == second.LongLink);
    });
}
