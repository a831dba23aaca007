using System.Text;
using VmChannel.Wire.VdAgent;
using Xunit;

namespace VmChannel.Wire.Tests.VdAgent;

public sealed class FileTransferTests
{
    [Theory]
    [InlineData("a.txt")]
    [InlineData(" leading and trailing ")]
    [InlineData("back\\slash\nline\ttab\r=;[x]")]
    public void Start_AnyName_ComesBack(string name)
    {
        Assert.True(FileTransferStart.TryRead(new FileTransferStart(7, name, 1234).ToBytes(), out FileTransferStart read));
        Assert.Equal(new(7, name, 1234), read);
    }

    /// <summary>As spice-gtk writes it.</summary>
    [Fact]
    public void Start_IsAKeyFileThatEndsWithANul()
        => Assert.Equal("\u0007\0\0\0[vdagent-file-xfer]\nname=a.txt\nsize=5\n\0", Encoding.ASCII.GetString(new FileTransferStart(7, "a.txt", 5).ToBytes()));

    [Theory]
    [InlineData("[vdagent-file-xfer]\nname=a\n")]
    [InlineData("[vdagent-file-xfer]\nname=a\nsize=-1\n")]
    [InlineData("[vdagent-file-xfer]\nsize=1\n")]
    [InlineData("[other]\nname=a\nsize=1\n")]
    public void Start_WithoutNameOrLength_IsRefused(string text)
        => Assert.False(FileTransferStart.TryRead(Encoding.ASCII.GetBytes("\u0007\0\0\0" + text), out _));

    [Fact]
    public void Data_ThatHasNotWhatItSays_IsRefused()
    {
        ReadOnlySpan<byte> payload = (byte[])[.. new FileTransferData(7, ulong.MaxValue).ToBytes(), 1, 2, 3];
        Assert.False(FileTransferData.TryTake(ref payload, out _));
    }
}
