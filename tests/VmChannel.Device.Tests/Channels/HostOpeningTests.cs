using VmChannel.Device.Ports;
using VmChannel.Testing;
using VmChannel.Wire.VirtioConsole;
using Xunit;

namespace VmChannel.Device.Tests.Channels;

/// <summary>How the guest is told of a host end.</summary>
public sealed class HostOpeningTests : PairedPortTests
{
    /// <summary>Without this a program that is not scheduled in between would take one client for another.</summary>
    [Fact]
    public void HostGoesAndComesAtOnce_GuestSeesItClosedForAMoment()
    {
        ScriptedEnd end = Rig.Plug(1);
        Boot();
        Assert.Equal(1, Driver.Expect(ControlEvent.PortOpen, 1).Message.Value);
        Open();
        long began = 0;
        Rig.Thread.Invoke(() =>
        {
            began = Environment.TickCount64;
            end.Connect(false);
            end.Connect(true);
            end.Give([7]);
        });
        Assert.Equal(0, Driver.Expect(ControlEvent.PortOpen, 1).Message.Value);
        Assert.Equal(0, Driver.Input(1).Ring.UsedWaiting);
        Assert.Equal(1, Driver.Expect(ControlEvent.PortOpen, 1).Message.Value);
        Assert.True(Environment.TickCount64 - began >= HostOpening.ShortestClosed.TotalMilliseconds);
        Assert.Equal([7], Driver.Receive(1, 1));
    }
}
