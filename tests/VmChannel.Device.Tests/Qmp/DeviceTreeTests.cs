using VmChannel.Device.Qmp;
using Xunit;

namespace VmChannel.Device.Tests.Qmp;

/// <summary>What QEMU 7.2 and 11 print for <c>info qtree</c>.</summary>
public sealed class DeviceTreeTests
{
    private const string Tree =
        "          bus: theirs.0\r\n            type virtio-serial-bus\r\n"
        + "            dev: virtserialport, id \"vmchannel-1-10\"\r\n              chardev = \"a\"\r\n              nr = 10 (0xa)\r\n"
        + "              port 10, guest off, host on, throttle off\r\n"
        + "            dev: virtserialport, id \"vmchannel-1-1\"\r\n              nr = 1 (0x1)\r\n              name = \"x\"\r\n"
        + "              port 1, guest on, host on, throttle off\r\n      dev: PIIX4_PM, id \"\"\r\n";

    [Theory]
    [InlineData("vmchannel-1-10", false)]
    [InlineData("vmchannel-1-1", true)]
    [InlineData("vmchannel-1-2", null)]
    public void GuestOpen_OfAPort_IsFound(string id, bool? expected) => Assert.Equal(expected, DeviceTree.FindGuestOpen(Tree, id));
}
