using Xunit;

namespace VmChannel.Guest.Tests.Streams;

/// <summary>What a stream says of its host: of its own alone.</summary>
public sealed class HostPresenceTests
{
    private static readonly HostSight Open = new(IsOpen: true);
    private static readonly HostSight Closed = new(IsOpen: false);

    [Fact]
    public void Update_AfterTheEnd_KnowsNothingOfTheNextHost()
    {
        HostPresence host = new(endsWithHost: true);
        Assert.True(host.Update(Open));
        Assert.True(host.Update(Closed));
        Assert.False(host.Update(Open));
        Assert.Equal((true, false, 1), (host.HasEnded, host.IsOpen, host.Generation));
    }

    [Fact]
    public void Update_HostThatFlapped_HasEnded()
    {
        HostPresence host = new(endsWithHost: true);
        _ = host.Update(Open);
        Assert.True(host.Update(Open with { Flaps = 1 }));
        Assert.Equal((true, false), (host.HasEnded, host.IsOpen));
    }

    [Fact]
    public void Update_StreamThatGoesOn_CountsHosts()
    {
        HostPresence host = new(endsWithHost: false);
        _ = host.Update(Open);
        _ = host.Update(Closed);
        _ = host.Update(Open);
        Assert.Equal((false, true, 2), (host.HasEnded, host.IsOpen, host.Generation));
    }
}
