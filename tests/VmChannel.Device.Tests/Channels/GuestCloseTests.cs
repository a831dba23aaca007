using VmChannel.Device.Channels;
using VmChannel.Device.Events;
using VmChannel.Device.Ports;
using VmChannel.Device.Tests.VirtioSerial;
using VmChannel.Testing;
using VmChannel.Wire.VirtioConsole;
using Xunit;

namespace VmChannel.Device.Tests.Channels;

/// <summary><c>on-guest-close=disconnect</c>: each opening in the guest is a connection of its own, over real sockets and rings.</summary>
public sealed class GuestCloseTests : PairedPortTests
{
    [Theory]
    [InlineData("unix")]
    [InlineData("unix-first")]
    [InlineData("tcp")]
    [InlineData("tls")]
    public void GuestCloses_ClientGetsAllAndThenTheEnd_AndTheNextBeginsAfresh(string kind)
    {
        Serve(kind);
        for (int cycle = 0; cycle < 5; cycle++)
        {
            Stream client = Connect(kind);
            client.Write([1, (byte)cycle]);
            Open();
            WaitHost(true);
            Assert.Equal([1, (byte)cycle], Driver.Receive(1, 2));
            byte[] answer = Guest.Bytes(300_000, cycle);
            byte[] received = [];
            Thread reader = new(() => received = ReadToEnd(client));
            reader.Start();
            Driver.Write(1, answer);
            Close();
            reader.Join();
            Assert.Equal(answer, received);
            WaitHost(false);
        }
    }

    /// <summary>The client leaves first: what the guest still writes is nobody's, and the next client waits for the next program.</summary>
    [Theory]
    [InlineData("unix")]
    [InlineData("unix-first")]
    [InlineData("tcp")]
    [InlineData("tls")]
    public void ClientLeaves_NextOneWaitsForTheNextOpening(string kind)
    {
        Serve(kind);
        Stream first = Connect(kind);
        Open();
        WaitHost(true);
        Driver.Write(1, "to the first"u8);
        Assert.Equal("to the first"u8.ToArray(), ReadExactly(first, 12));
        Stream second = Connect(kind);
        second.Write("request"u8);
        first.Dispose();
        WaitHost(false);

        // It has not noticed, and goes on writing for a moment.
        Driver.Write(1, "still to the first"u8);
        Wait.Until(() => Rig.Thread.Invoke(() => Port.DroppedBytes) == 18, "the drop");
        Rig.Thread.Settle();
        Assert.False(Rig.Thread.Invoke(() => Port.IsHostOpen));
        Wait.Until(() => Port.State.AwaitsCloseSince is not null, "the next client to be known to wait");
        Assert.Equal(0, Driver.Input(1).Ring.UsedWaiting);
        Close();
        Open();
        WaitHost(true);
        Wait.Until(() => Port.State.AwaitsCloseSince is null, "nobody to be known to wait");
        Assert.Equal("request"u8.ToArray(), Driver.Receive(1, 7));
        Driver.Write(1, "answer"u8);
        Close();
        Assert.Equal("answer"u8.ToArray(), ReadToEnd(second));
    }

    /// <summary>What a client sent and the guest's program never read is not for the next program.</summary>
    [Theory]
    [InlineData("unix")]
    [InlineData("unix-first")]
    [InlineData("tcp")]
    [InlineData("tls")]
    public void GuestCloses_WhatItNeverRead_IsDroppedAndCounted(string kind)
    {
        Serve(kind);
        Stream client = Connect(kind);
        Open(receives: false);
        WaitHost(true);
        byte[] unread = Guest.Bytes(100_000, 3);
        client.Write(unread);
        Wait.Until(() => Rig.Thread.Invoke(() => Port.HasInput), "some of it");
        Close();
        Assert.Empty(ReadToEnd(client));
        Wait.Until(() => Rig.Thread.Invoke(() => Port.Counters.LostToGuestBytes) > 0, "the count");
        Assert.InRange(Port.Counters.LostToGuestBytes, 1, unread.Length);
        Stream next = Connect(kind);
        next.Write("fresh"u8);
        Open();
        WaitHost(true);
        Assert.Equal("fresh"u8.ToArray(), Driver.Receive(1, 5));
    }

    /// <summary>PORT_OPEN 0 overtakes the bytes before it, and the next program is there before the client has taken them.</summary>
    [Theory]
    [InlineData("unix")]
    [InlineData("unix-first")]
    [InlineData("tcp")]
    [InlineData("tls")]
    public void GuestReopensWhileTheClientIsSlow_EachGetsItsOwn(string kind)
    {
        Serve(kind, ringSize: 1024, bufferBytes: 1024);
        Stream first = Connect(kind);
        Open();
        WaitHost(true);
        byte[] ofFirst = WriteUntilStuck();
        Close();
        Open();
        Driver.Write(1, "of the second"u8);
        Close();
        Open();
        Close();
        Open();
        Driver.Write(1, "of the third"u8);
        Assert.False(Rig.Thread.Invoke(() => Port.IsHostOpen));
        Stream second = Connect(kind);
        Stream third = Connect(kind);
        third.Write("for the third"u8);
        Assert.Equal(ofFirst, ReadToEnd(first));
        Assert.Equal("of the second"u8.ToArray(), ReadToEnd(second));
        WaitHost(true);
        Assert.Equal("of the third"u8.ToArray(), ReadExactly(third, 12));
        Assert.Equal("for the third"u8.ToArray(), Driver.Receive(1, 13));
    }

    /// <summary>Who comes and leaves while no program is there has spoken to the next.</summary>
    [Fact]
    public void ClientThatLeftBeforeTheOpening_IsHeardAlone()
    {
        Serve("unix");
        Stream first = Connect("unix");
        first.Write("one"u8);
        first.Dispose();
        Stream second = Connect("unix");
        second.Write("two"u8);
        WaitHost(true);
        Open();
        Assert.Equal("one"u8.ToArray(), Driver.Receive(1, 3));
        WaitHost(false);
        Rig.Thread.Settle();
        Assert.Equal(0, Driver.Input(1).Ring.UsedWaiting);
        Close();
        Open();
        WaitHost(true);
        Assert.Equal("two"u8.ToArray(), Driver.Receive(1, 3));
    }

    [Fact]
    public void GuestStartsOver_ClientIsEnded()
    {
        Serve("unix");
        Stream client = Connect("unix");
        Open();
        WaitHost(true);
        Driver.Send(uint.MaxValue, ControlEvent.DeviceReady, 1);
        Assert.Empty(ReadToEnd(client));
        DeviceEvent closed = Rig.WaitFor(DeviceEventKind.HostClosed);
        Assert.Contains("the guest's driver started over", closed.Cause, StringComparison.Ordinal);
    }

    [Fact]
    public void PolicyChangesInMidConnection_TakesEffectWithTheNextClose()
    {
        Serve("unix", policy: GuestClosePolicy.Keep);
        Stream client = Connect("unix");
        Open();
        WaitHost(true);
        Close();
        Open();
        Driver.Write(1, "stays"u8);
        Assert.Equal("stays"u8.ToArray(), ReadExactly(client, 5));
        Rig.Thread.Invoke(() => Port.Apply(Port.Spec with { OnGuestClose = GuestClosePolicy.Disconnect }));
        Driver.Write(1, "goes"u8);
        Close();
        Assert.Equal("goes"u8.ToArray(), ReadToEnd(client));
        Stream left = Connect("unix");
        Open();
        WaitHost(true);
        left.Dispose();
        WaitHost(false);
        _ = Connect("unix");
        Rig.Thread.Invoke(() => Port.Apply(Port.Spec with { OnGuestClose = GuestClosePolicy.Keep }));
        WaitHost(true);
    }

    /// <summary>One program after the other comes quickly, and either side ends first: nobody hears what was for somebody else.</summary>
    [Theory]
    [InlineData("unix")]
    [InlineData("tcp")]
    [InlineData("tls")]
    public void ManyQuickCycles_NobodyHearsAnother(string kind)
    {
        Serve(kind);
        int heard = 0;
        Thread guest = new(() =>
        {
            for (int opening = 0; opening < 100;)
            {
                Open();
                WaitHost(true);
                byte id = Driver.Receive(1, 1)[0];
                heard++;
                Assert.Equal((byte)(heard - 1), id);
                Driver.Write(1, Enumerable.Repeat(id, 5000).ToArray());
                if (id % 3 == 0)
                {
                    WaitHost(false);
                }

                Close();
                opening++;
            }
        });
        Exception? failure = null;
        Thread guarded = new(() =>
        {
            try
            {
                guest.Start();
                guest.Join();
            }
            catch (Exception e)
            {
                failure = e;
            }
        });
        guarded.Start();
        for (int i = 0; i < 100; i++)
        {
            using Stream client = Connect(kind);
            client.Write([(byte)i, 255, 255]);
            byte[] received = i % 3 == 0 ? ReadExactly(client, 5000) : ReadToEnd(client);
            Assert.Equal(5000, received.Length);
            Assert.All(received, each => Assert.Equal((byte)i, each));
        }

        guarded.Join();
        Assert.Null(failure);
        Assert.Equal(100, heard);
    }
}
