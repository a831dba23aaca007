using VmChannel.Device.UsbIp;
using Xunit;

namespace VmChannel.Device.Tests.UsbIp;

public sealed class UsbIpEndpointTests
{
    [Theory]
    [InlineData("127.0.0.1:3240", "127.0.0.1:3240")]
    [InlineData("127.0.0.1", "127.0.0.1:3240")]
    [InlineData("127.0.0.2:0", "127.0.0.2:0")]
    [InlineData("localhost", "127.0.0.1:3240")]
    [InlineData("localhost:99", "127.0.0.1:99")]
    [InlineData("::1", "[::1]:3240")]
    [InlineData("[::1]:99", "[::1]:99")]
    public void TryParse_OfTheLoopback_NeedsNoLeave(string text, string expected)
    {
        Assert.True(UsbIpEndpoint.TryParse(text, isOpen: false, out UsbIpEndpoint? endpoint, out _));
        Assert.Equal(expected, endpoint.ToString());
        Assert.True(endpoint.IsLoopback);
    }

    [Theory]
    [InlineData("0.0.0.0:3240")]
    [InlineData("192.0.2.7")]
    [InlineData("[::]:3240")]
    [InlineData("[2001:db8::7]:3240")]
    public void TryParse_OfWhatOthersReach_NeedsLeave(string text)
    {
        Assert.False(UsbIpEndpoint.TryParse(text, isOpen: false, out _, out string? reason));
        Assert.Contains("--usbip-open", reason, StringComparison.Ordinal);
        Assert.True(UsbIpEndpoint.TryParse(text, isOpen: true, out UsbIpEndpoint? endpoint, out _));
        Assert.False(endpoint.IsLoopback);
    }

    [Theory]
    [InlineData("")]
    [InlineData("3240x")]
    [InlineData("host.example:3240")]
    [InlineData("127.0.0.1:")]
    [InlineData("127.0.0.1:65536")]
    [InlineData("/run/usbip.sock")]
    public void TryParse_OfNoAddress_SaysWhatOneIs(string text)
    {
        Assert.False(UsbIpEndpoint.TryParse(text, isOpen: true, out _, out string? reason));
        Assert.Contains("127.0.0.1:3240", reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, "1-1")]
    [InlineData(7, "1-7")]
    [InlineData(127, "1-127")]
    [InlineData(128, "2-1")]
    public void BusId_OfAPort_IsItsNumber(int number, string expected) => Assert.Equal(expected, UsbIpBusId.Of(number).ToString());
}
