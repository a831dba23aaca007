using Microsoft.Extensions.Logging.Abstractions;
using VmChannel.Cli.Metrics;
using VmChannel.Device.Loop;
using VmChannel.Device.Ports;
using VmChannel.Testing;
using Xunit;

namespace VmChannel.Cli.Tests.Metrics;

public sealed class ThrottleClocksTests
{
    [Fact]
    public void Clock_WhatThePortShows_NeverGoesBack()
    {
        using DeviceLoop loop = new(NullLogger<DeviceLoop>.Instance);
        using Port port = new(new PortSpec(1, "test.a"), new ScriptedEnd(), loop, NullLogger.Instance);
        ThrottleClocks clocks = new();
        Assert.Equal(TimeSpan.Zero, clocks.Read(port));

        port.Counters.ThrottledMilliseconds = 1500;
        Assert.Equal(TimeSpan.FromSeconds(1.5), clocks.Read(port));

        // As it looks between the end of a period and its being added.
        port.Counters.ThrottledMilliseconds = 700;
        Assert.Equal(TimeSpan.FromSeconds(1.5), clocks.Read(port));

        port.Counters.ThrottledMilliseconds = 1600;
        Assert.Equal(TimeSpan.FromSeconds(1.6), clocks.Read(port));
    }
}
