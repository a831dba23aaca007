using VmChannel.Device.Channels;
using VmChannel.Device.Services;
using Xunit;

namespace VmChannel.Device.Tests.Services;

public sealed class ServiceCatalogTests
{
    [Fact]
    public void ForProtocol_Clipboard_IsBuiltIn()
    {
        Assert.Equal("clipboard", ServiceCatalog.ForProtocol("org.qemu.clipboard"));
        Assert.Equal("clipboard", ServiceCatalog.ForProtocol("com.redhat.spice.0"));
        Assert.Null(ServiceCatalog.ForProtocol("org.libguestfs.fish"));
        Assert.Equal(["org.qemu.clipboard", "com.redhat.spice.0"], ServiceCatalog.Protocols);
    }

    [Theory]
    [InlineData("tape", "", "no such service; there are clipboard, log, echo, sink, source")]
    [InlineData("log", "", "path= is missing")]
    [InlineData("log", "file", "unknown option file; it has path")]
    [InlineData("echo", "path", "unknown option path; it has none")]
    [InlineData("clipboard", "direction", "service=clipboard: direction=x: both, host-to-guest, guest-to-host or none is needed")]
    [InlineData("clipboard", "types", "service=clipboard: types=x: some of text+png+bmp+tiff+jpeg are needed")]
    [InlineData("clipboard", "max-size", "service=clipboard: max-size=x: a number of bytes from 1 to 1G is needed")]
    public async Task Create_Wrong_SaysWhatIsRight(string name, string key, string words)
    {
        await using HostEndDriver guest = new();
        Dictionary<string, string> options = key.Length == 0 ? [] : new() { [key] = "x" };
        HostEndException error = Assert.Throws<HostEndException>(() => ServiceCatalog.Create(name, options, guest.Loop, guest.Log));
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("text-in", "/nowhere/pipe")]
    [InlineData("text-in", "/dev/null")]
    [InlineData("text-out", "/nowhere/file")]
    [InlineData("text-out", "/tmp")]
    public async Task Start_PathThatCannotWork_SaysWhichOption(string key, string path)
    {
        await using HostEndDriver guest = new();
        HostEnd end = ServiceCatalog.Create("clipboard", new Dictionary<string, string> { [key] = path }, guest.Loop, guest.Log);
        HostEndException error = await Assert.ThrowsAsync<HostEndException>(() => guest.StartAsync(end));
        Assert.StartsWith($"{key}={path}: ", error.Message, StringComparison.Ordinal);
    }
}
