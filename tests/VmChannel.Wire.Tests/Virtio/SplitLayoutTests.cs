using CsCheck;
using VmChannel.Wire.Virtio;
using Xunit;

namespace VmChannel.Wire.Tests.Virtio;

public sealed class SplitLayoutTests
{
    /// <summary>VIRTIO 1.3 §2.7: 16 * size, 6 + 2 * size, 6 + 8 * size.</summary>
    [Theory]
    [InlineData(1, 16, 8, 14)]
    [InlineData(256, 4096, 518, 2054)]
    [InlineData(32768, 524288, 65542, 262150)]
    public void Bytes_EachPart_AreTheSpecifications(int size, int descriptors, int available, int used)
    {
        Assert.Equal(descriptors, SplitLayout.DescriptorBytes(size));
        Assert.Equal(available, SplitLayout.AvailableBytes(size));
        Assert.Equal(used, SplitLayout.UsedBytes(size));
        Assert.Equal(available - 2, SplitLayout.UsedEvent(size));
        Assert.Equal(used - 2, SplitLayout.AvailableEvent(size));
    }

    [Theory]
    [InlineData(0u, false)]
    [InlineData(1u, true)]
    [InlineData(2u, true)]
    [InlineData(3u, false)]
    [InlineData(255u, false)]
    [InlineData(256u, true)]
    [InlineData(32768u, true)]
    [InlineData(65536u, false)]
    [InlineData(0x80000000u, false)]
    [InlineData(uint.MaxValue, false)]
    public void IsValidSize_PowersOfTwoUpTo32768_Only(uint size, bool expected) => Assert.Equal(expected, SplitLayout.IsValidSize(size));

    /// <summary>The other side wants to be told when the index moves past the one it named: when that entry is among those added.</summary>
    [Fact]
    public void Passes_AnyMove_AgreesWithCountingEachStep()
        => Gen.Select(Gen.UShort, Gen.UShort, Gen.Int[0, 300], Gen.Int[-300, 300]).Sample((before, _, moved, around) =>
        {
            ushort after = unchecked((ushort)(before + moved));
            ushort wanted = unchecked((ushort)(before + around));
            bool expected = false;
            for (ushort at = before; at != after; at = unchecked((ushort)(at + 1)))
            {
                expected |= at == wanted;
            }

            Assert.Equal(expected, SplitLayout.Passes(wanted, before, after));
        });

    [Fact]
    public void Passes_NoMove_NeverPasses() => Gen.Select(Gen.UShort, Gen.UShort).Sample((wanted, at)
        => Assert.False(SplitLayout.Passes(wanted, at, at)));
}
