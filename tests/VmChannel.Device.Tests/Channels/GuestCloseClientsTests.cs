using System.Net.Sockets;
using VmChannel.Device.Channels;
using VmChannel.Device.Chardevs;
using VmChannel.Device.Ports;
using VmChannel.Device.Tests.Chardevs;
using VmChannel.Device.Tests.VirtioSerial;
using VmChannel.Testing;
using Xunit;

namespace VmChannel.Device.Tests.Channels;

/// <summary>Several clients of a port whose openings are connections, and of one that keeps its clients.</summary>
public sealed class GuestCloseClientsTests : PairedPortTests
{
    [Fact]
    public void Broadcast_FollowerThatIsBehind_GetsItsOpeningWholeAndNothingOfTheNext()
    {
        Serve("unix-broadcast", new PortLimits { BufferBytes = 4 << 20 });
        Stream holder = Connect("unix");
        Wait.Until(() => Port.Clients.Count == 1, "the holder");
        Stream follower = Connect("unix");
        Wait.Until(() => Port.Clients.Count == 2, "the follower");
        Open();
        WaitHost(true);
        byte[] bytes = Guest.Bytes(2_000_000, 4);
        byte[] received = [];
        Thread reader = new(() => received = ReadToEnd(holder));
        reader.Start();
        Driver.Write(1, bytes);
        Close();
        reader.Join();
        Assert.Equal(bytes, received);
        Stream next = Connect("unix");
        Wait.Until(() => Port.Clients.Any(client => client.IsHolder), "the next one");
        Open();
        WaitHost(true);
        Driver.Write(1, "next"u8);
        Assert.Equal("next"u8.ToArray(), ReadExactly(next, 4));
        Assert.Equal(bytes, ReadToEnd(follower));
    }

    [Fact]
    public void Observer_SeesEveryOpening_AndIsNobodyToTalkTo()
    {
        Serve("unix");
        (Socket observer, _) = Attach(ClientAccess.Observer);
        Open();
        Rig.Thread.Settle();
        Assert.False(Rig.Thread.Invoke(() => Port.IsHostOpen));
        for (int cycle = 0; cycle < 3; cycle++)
        {
            Stream client = Connect("unix");
            WaitHost(true);
            Driver.Write(1, [(byte)cycle]);
            Close();
            Assert.Equal([(byte)cycle], ReadToEnd(client));
            WaitHost(false);
            Open();
        }

        Assert.Equal([0, 1, 2], UnixServerTests.ReceiveExactly(observer, 3));
    }

    /// <summary>Clients of the API who queue: each has an opening of its own.</summary>
    [Fact]
    public void QueuedClients_HaveOneOpeningEach()
    {
        Serve("unix");
        (Socket first, _) = Attach(ClientAccess.Queued);
        (Socket second, ConnectedChardev secondEnd) = Attach(ClientAccess.Queued);
        first.Send("first"u8);
        second.Send("second"u8);
        Open();
        WaitHost(true);
        Assert.Equal("first"u8.ToArray(), Driver.Receive(1, 5));
        first.Dispose();
        WaitHost(false);
        Close();
        Open();
        WaitHost(true);
        Assert.Equal("second"u8.ToArray(), Driver.Receive(1, 6));
        Close();
        Assert.Equal(0, second.Receive(new byte[1]));
        Assert.Equal(Port.GuestClosed, secondEnd.EndReason);
    }

    /// <summary>On a port that keeps its clients, one may ask to leave with the guest.</summary>
    [Fact]
    public void KeepingPort_ClientUntilGuestCloses_AloneIsEnded()
    {
        ScriptedEnd end = Rig.Plug(1);
        Boot();
        (Socket passing, ConnectedChardev client) = Attach(ClientAccess.Writer, untilGuestCloses: true);
        (Socket stays, _) = Attach(ClientAccess.Writer);
        Open();
        _ = Rig.Thread.Invoke(() => end.Allowance = 3);
        Driver.Write(1, "one"u8);
        Driver.Write(1, "two"u8);
        Close();
        Open();
        Driver.Write(1, "three"u8);
        Assert.Equal("one"u8.ToArray(), UnixServerTests.ReceiveExactly(passing, 3));
        Rig.Thread.Settle();
        Assert.Null(client.EndReason);
        Rig.Thread.Invoke(() => end.Allow(1000));
        Assert.Equal("two"u8.ToArray(), UnixServerTests.ReceiveExactly(passing, 3));
        Assert.Equal(0, passing.Receive(new byte[1]));
        Assert.Equal(Port.GuestClosed, client.EndReason);
        Assert.Equal("onetwothree"u8.ToArray(), UnixServerTests.ReceiveExactly(stays, 11));
        Assert.Equal("onetwothree"u8.ToArray(), Rig.Thread.Invoke(() => end.Taken.ToArray()));
        Assert.True(Rig.Thread.Invoke(() => Port.IsHostOpen && Port.IsGuestOpen));
    }
}
