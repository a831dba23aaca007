using CsCheck;
using Xunit;

namespace VmChannel.Guest.Tests;

public sealed class GuestPortTests
{
    private static readonly PortId Id = new(0, 4);

    [Fact]
    public void Named_ProtocolName_HasEverything()
    {
        GuestPort port = GuestPort.Named(Id, "org.qemu.clipboard"u8);
        Assert.Equal("org/qemu/clipboard", port.Protocol?.ToPath());
        Assert.Null(port.Fault);
        Assert.Equal("org.qemu.clipboard", port.FileName);
        Assert.Equal("org.qemu.clipboard", port.Shown);
        Assert.False(port.IsInternal);
    }

    [Fact]
    public void Unnamed_Port_IsNoFault()
    {
        GuestPort port = GuestPort.Unnamed(Id);
        Assert.Null(port.Protocol);
        Assert.Null(port.Fault);
        Assert.Null(port.FileName);
        Assert.Null(port.Shown);
    }

    [Theory]
    [InlineData("org..x", true)]
    [InlineData("a:b@c=d+e#f", true)]
    [InlineData("..x", true)]
    [InlineData(".", false)]
    [InlineData("..", false)]
    [InlineData("", false)]
    [InlineData("a/b", false)]
    [InlineData("../../etc/passwd", false)]
    [InlineData("a b", false)]
    [InlineData("a\nb", false)]
    [InlineData("é", false)]
    public void Named_NoProtocolName_MayStillBeAFileForAgents(string name, bool isFile)
    {
        GuestPort port = GuestPort.Named(Id, System.Text.Encoding.UTF8.GetBytes(name));
        Assert.Null(port.Protocol);
        Assert.NotNull(port.Fault);
        Assert.Equal(isFile ? name : null, port.FileName);
    }

    [Theory]
    [InlineData("org.vmchannel.run.control", true)]
    [InlineData("org.vmchannel.run", false)]
    [InlineData("org.vmchannel.runner", false)]
    [InlineData("org.vmchannel.run..x", false)]
    public void IsInternal_Name_IsTrueBelowThePrefix(string name, bool expected) =>
        Assert.Equal(expected, GuestPort.Named(Id, System.Text.Encoding.ASCII.GetBytes(name)).IsInternal);

    [Fact]
    public void Named_AnyBytes_IsPrintableAndStaysInItsFolder() => Gen.Byte.Array[0, 300].Sample(bytes =>
    {
        GuestPort port = GuestPort.Named(Id, bytes);
        Assert.All(port.Shown!, c => Assert.InRange(c, '!', '~'));
        if (port.FileName is string name)
        {
            Assert.Equal($"/dev/virtio-ports/{name}", Path.GetFullPath(name, "/dev/virtio-ports"));
        }
    });
}
