using System.Text;
using VmChannel.Device.Services.Clipboard;
using VmChannel.Wire.VdAgent;
using Xunit;

namespace VmChannel.Device.Tests.Services;

public sealed class ClipboardContentTests
{
    [Theory]
    [InlineData("ü")]
    [InlineData("€")]
    [InlineData("😀")]
    public void IsUtf8_CharactersAcrossEveryBlockBorder_AreFound(string character)
    {
        for (int shift = 0; shift < 4; shift++)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(new string('x', shift) + string.Concat(Enumerable.Repeat(character, 70_000)));
            using ClipboardContent content = ClipboardContent.Of(bytes);
            Assert.True(content.IsUtf8());
            Assert.Equal(bytes, content.RuneBlocks().SelectMany(block => block.ToArray()));
            using ClipboardContent cut = ClipboardContent.Of(bytes.AsSpan(0, bytes.Length - 1));
            Assert.False(cut.IsUtf8());
        }
    }

    [Fact]
    public void IsUtf8_NothingButContinuations_IsFalse()
    {
        using ClipboardContent content = ClipboardContent.Of(Enumerable.Repeat((byte)0x80, 200_000).ToArray());
        Assert.False(content.IsUtf8());
    }

    [Fact]
    public void TrimNuls_OnlyNuls_LeavesNothing()
    {
        using ClipboardContent content = ClipboardContent.Of(new byte[10]);
        content.TrimNuls();
        Assert.Equal(0, content.Length);
        Assert.Equal(0, content.Read(new byte[1], 0));
        Assert.True(content.IsUtf8());
    }

    /// <summary>Around the borders of the blocks that it is looked at in.</summary>
    [Theory]
    [InlineData(0, 1)]
    [InlineData(3, 0)]
    [InlineData(3, 65_536)]
    [InlineData(65_535, 65_537)]
    [InlineData(65_536, 200_000)]
    [InlineData(0, 200_000)]
    public void TrimNuls_NulsAfterText_AllGoAndNoMore(int textBytes, int nuls)
    {
        byte[] text = [.. Enumerable.Repeat((byte)0, textBytes), .. "x"u8];
        using ClipboardContent content = ClipboardContent.Of([.. text, .. new byte[nuls]]);
        content.TrimNuls();
        Assert.Equal(text.Length, content.Length);
        Assert.Equal(text, content.RuneBlocks().SelectMany(block => block.ToArray()));
    }

    [Fact]
    public void Dispose_ByOneOfTwoHolders_LeavesItReadable()
    {
        ClipboardContent content = new(ClipboardType.Png);
        content.Append([1, 2]);
        content.Append([3]);
        using ClipboardContent held = content.Hold();
        content.Dispose();
        byte[] bytes = new byte[5];
        Assert.Equal(3, held.Read(bytes, 0));
        Assert.Equal([1, 2, 3, 0, 0], bytes);
        Assert.Equal(1, held.Read(bytes, 2));
    }
}
