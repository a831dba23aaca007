using VmChannel.Wire.VirtioConsole;
using Xunit;

namespace VmChannel.Wire.Tests.VirtioConsole;

public sealed class PortQueuesTests
{
    /// <summary>VIRTIO 1.3 §5.3.2.</summary>
    [Theory]
    [InlineData(0, 0, 1)]
    [InlineData(1, 4, 5)]
    [InlineData(2, 6, 7)]
    [InlineData(30, 62, 63)]
    [InlineData(126, 254, 255)]
    public void Queues_OfPort_AreTheSpecifications(int port, int receive, int transmit)
    {
        Assert.Equal(receive, PortQueues.Receive(port));
        Assert.Equal(transmit, PortQueues.Transmit(port));
        Assert.Equal(port, PortQueues.Port(receive));
        Assert.Equal(port, PortQueues.Port(transmit));
        Assert.False(PortQueues.IsTransmit(receive));
        Assert.True(PortQueues.IsTransmit(transmit));
    }

    [Fact]
    public void Port_ControlQueues_IsNone()
    {
        Assert.Null(PortQueues.Port(2));
        Assert.Null(PortQueues.Port(3));
        Assert.Equal((2, 3), (PortQueues.ControlReceive, PortQueues.ControlTransmit));
    }

    /// <summary>UML carries 64 queues and QEMU over vhost-user 256: 31 and 127 ports, port 0 included.</summary>
    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 0)]
    [InlineData(2, 0)]
    [InlineData(3, 0)]
    [InlineData(4, 1)]
    [InlineData(5, 1)]
    [InlineData(6, 2)]
    [InlineData(64, 31)]
    [InlineData(256, 127)]
    public void MaxPorts_OfQueues_LeavesRoomForControl(int queues, int ports)
    {
        Assert.Equal(ports, PortQueues.MaxPorts(queues));
        Assert.True(ports == 0 || PortQueues.Count(ports) <= queues);
        Assert.True(PortQueues.Count(ports + 1) > queues);
    }

    [Fact]
    public void Port_EveryQueue_BelongsToOnePortOrControl()
    {
        int[] ports = [.. Enumerable.Range(0, 256).Where(q => PortQueues.Port(q) is not null).Select(q => PortQueues.Port(q)!.Value)];
        Assert.Equal(Enumerable.Range(0, 127).SelectMany(p => new[] { p, p }), ports.Order());
    }
}
