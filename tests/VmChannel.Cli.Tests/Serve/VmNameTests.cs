using VmChannel.Cli.Serve;
using VmChannel.Device.VhostUser;
using VmChannel.Native;
using Xunit;

namespace VmChannel.Cli.Tests.Serve;

public sealed class VmNameTests
{
    [Theory]
    [InlineData("vm1")]
    [InlineData("web.example_2-b")]
    [InlineData("0")]
    public void IsValid_LettersDigitsAndMarks_IsTrue(string name) => Assert.True(VmName.IsValid(name, out _));

    [Theory]
    [InlineData("", "is empty")]
    [InlineData("a/b", "may have letters")]
    [InlineData("größe", "may have letters")]
    [InlineData(".hidden", "must begin with")]
    [InlineData("-option", "must begin with")]
    public void IsValid_AnythingElse_SaysWhy(string name, string reason)
    {
        Assert.False(VmName.IsValid(name, out string? why));
        Assert.StartsWith(reason, why, StringComparison.Ordinal);
    }

    [Fact]
    public void IsValid_65Characters_IsTooLong()
    {
        Assert.True(VmName.IsValid(new string('a', 64), out _));
        Assert.False(VmName.IsValid(new string('a', 65), out _));
    }

    [Theory]
    [InlineData("/run/vm1.sock", "vm1")]
    [InlineData("web.example.sock", "web.example")]
    [InlineData("/tmp/my vm.sock", "my-vm")]
    [InlineData("/tmp/.sock", "vm")]
    [InlineData("/tmp/-x.sock", "x")]
    public void For_ASocketsPath_IsItsFilesName(string path, string name)
    {
        Assert.True(UnixAddress.TryCreate(path, isAbstract: false, isTight: true, out UnixAddress? address, out _));
        Assert.Equal(name, VmName.For(new VhostUserEndpoint.Listen(address)));
        Assert.Equal(name, VmName.For(new VhostUserEndpoint.Connect(address)));
    }

    [Fact]
    public void For_AnInheritedSocket_IsVm() => Assert.Equal("vm", VmName.For(new VhostUserEndpoint.Inherited(3)));
}
