using VmChannel.GuestTool.Init;
using Xunit;

namespace VmChannel.Guest.Tests;

public sealed class KernelParametersTests
{
    [Fact]
    public void Parse_EveryParameter_IsTaken()
    {
        KernelParameters parameters = KernelParameters.Parse(
            "mem=256M vmchannel.root=hostfs:/ quiet vmchannel.share=hostfs:/home/u:/home/u vmchannel.share=9p:share1:/src vmchannel.hostname=box\n");
        Assert.Equal(new("hostfs", "/"), parameters.Root);
        Assert.Equal([new(new("hostfs", "/home/u"), "/home/u"), new(new("9p", "share1"), "/src")], parameters.Shares);
        Assert.Equal("box", parameters.HostName);
    }

    [Fact]
    public void Parse_NothingOfOurs_IsEmpty()
    {
        KernelParameters parameters = KernelParameters.Parse("root=/dev/vda1 ro vmchannelx.root=1 init=/init");
        Assert.Null(parameters.Root);
        Assert.Empty(parameters.Shares);
        Assert.Null(parameters.HostName);
    }

    [Theory]
    [InlineData("vmchannel.share=hostfs:/a%20b%3A:/c%25d", "/a b:", "/c%d")]
    [InlineData("\"vmchannel.share=hostfs:/a b:/c d\"", "/a b", "/c d")]
    [InlineData("vmchannel.share=\"hostfs:/a b:/c\"", "/a b", "/c")]
    [InlineData("vmchannel.share=hostfs:/a:b:/c", "/a:b", "/c")]
    [InlineData("vmchannel.share=hostfs:/%C3%A9:/%C3%A9", "/é", "/é")]
    [InlineData("vmchannel.share=hostfs:/a%3A%2Fb:/c", "/a:/b", "/c")]
    public void Parse_SpecialCharacters_ComeThrough(string commandLine, string source, string path) =>
        Assert.Equal([new(new("hostfs", source), path)], KernelParameters.Parse(commandLine).Shares);

    [Theory]
    [InlineData("vmchannel.root")]
    [InlineData("vmchannel.root=/")]
    [InlineData("vmchannel.root=ext4:/dev/vda")]
    [InlineData("vmchannel.root=9p:")]
    [InlineData("vmchannel.share=9p:tag")]
    [InlineData("vmchannel.share=9p:tag:relative")]
    [InlineData("vmchannel.share=hostfs:/only")]
    [InlineData("vmchannel.hostname=%0")]
    [InlineData("vmchannel.hostname=%zz")]
    [InlineData("vmchannel.hostname=a%00b")]
    [InlineData("vmchannel.frob=1")]
    public void Parse_Nonsense_NamesTheParameter(string commandLine)
    {
        InitException fault = Assert.Throws<InitException>(() => KernelParameters.Parse("quiet " + commandLine));
        Assert.Contains(commandLine, fault.Message, StringComparison.Ordinal);
    }
}
