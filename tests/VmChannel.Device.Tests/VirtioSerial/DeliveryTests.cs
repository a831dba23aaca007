using CsCheck;
using VmChannel.Device.Channels;
using VmChannel.Device.Ports;
using VmChannel.Testing;
using VmChannel.Wire.Virtio;
using VmChannel.Wire.VirtioConsole;
using Xunit;

namespace VmChannel.Device.Tests.VirtioSerial;

/// <summary>Nothing is lost, nothing is doubled, whatever the host end does in between.</summary>
public sealed class DeliveryTests
{
    [Theory]
    [InlineData(0)]
    [InlineData((int)VirtioFeatures.EventIndex)]
    [InlineData((int)(VirtioFeatures.EventIndex | VirtioFeatures.IndirectDescriptors))]
    public void Streams_OfRandomPieces_ArriveWhole(int ringFeatures)
        => Gen.Select(Gen.Int[1, 9000].Array[1, 40], Gen.Int[1, 20_000], Gen.Int).Sample(
            (pieces, perWrite, seed) =>
            {
                using SerialRig rig = new();
                ScriptedEnd end = rig.Plug(1);
                end.MaxPerWrite = perWrite;
                using Guest guest = new(rig, Guest.Plain | (VirtioFeatures)ringFeatures, ringSize: 16);
                SerialRig.Open(guest.Driver, 1);
                byte[] toHost = Guest.Bytes(pieces.Sum(), seed);
                byte[] toGuest = Guest.Bytes(pieces.Sum(), ~seed);
                List<byte> received = [];
                int at = 0;
                foreach (int piece in pieces)
                {
                    int from = at;
                    rig.Thread.Invoke(() => end.Give(toGuest.AsSpan(from, piece)));
                    guest.Driver.Write(1, toHost.AsSpan(at, piece));
                    guest.Driver.Receive(1, received);
                    at += piece;
                }

                Wait.Until(
                    () =>
                    {
                        guest.Driver.Receive(1, received);
                        return received.Count >= toGuest.Length && rig.Thread.Invoke(() => end.TakenCount) == toHost.Length;
                    },
                    "both streams");
                Assert.Equal(toGuest, received);
                Assert.Equal(toHost, end.Taken);
            },
            iter: 12,
            threads: 1);

    /// <summary>Host ends come and go, each taking what it likes and hanging up in the middle of a write.</summary>
    [Fact]
    public void HostEnds_HangingUpInMidWrite_TogetherGetEveryByteOnce()
        => Gen.Select(Gen.Int[1, 9000].Array[1, 25], Gen.Int).Sample(
            (allowances, seed) =>
            {
                using SerialRig rig = new();
                ScriptedEnd end = rig.Plug(1);
                end.HangsUpWhenFull = true;
                using Guest guest = new(rig, ringSize: 64);
                SerialRig.Open(guest.Driver, 1);
                byte[] bytes = Guest.Bytes(64 * 3000, seed);
                rig.Thread.Invoke(() => end.Allow(1));
                foreach (byte[] message in bytes.Chunk(3000))
                {
                    guest.Driver.Write(1, message);
                }

                long total = 1;
                foreach (int allowance in allowances)
                {
                    Wait.Until(() => rig.Thread.Invoke(() => end.TakenCount == total && !end.IsOpen), "the hang-up");
                    if (total + allowance >= bytes.Length)
                    {
                        break;
                    }

                    total += allowance;
                    rig.Thread.Invoke(() =>
                    {
                        end.Allowance = allowance;
                        end.Connect(true);
                    });
                }

                rig.Thread.Invoke(() =>
                {
                    end.HangsUpWhenFull = false;
                    end.Allowance = long.MaxValue;
                    end.Connect(false);
                    end.Connect(true);
                });
                Wait.Until(() => rig.Thread.Invoke(() => end.TakenCount) == bytes.Length, "every byte");
                Assert.Equal(bytes, end.Taken);
                Assert.False(rig.Thread.Invoke(() => rig.Device.IsBroken));
                guest.Driver.Output(1).Reclaim();
            },
            iter: 12,
            threads: 1);

    [Fact]
    public void Hold_HostAbsent_KeepsWhatWasQueued()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(1, isHostOpen: false);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        byte[] bytes = Guest.Bytes(20_000, 1);
        guest.Driver.Write(1, bytes);
        rig.Thread.Settle();
        Assert.Equal(0, guest.Driver.Output(1).Ring.UsedWaiting);
        rig.Thread.Invoke(() => end.Connect(true));
        Wait.Until(() => rig.Thread.Invoke(() => end.TakenCount) == bytes.Length, "what was held");
        Assert.Equal(bytes, end.Taken);
    }

    [Fact]
    public void Discard_HostAbsent_DropsAndCountsAndStaysOpen()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(new PortSpec(1, "a", OnDisconnect: DisconnectPolicy.Discard), isHostOpen: false);
        using Guest guest = new(rig);
        guest.Driver.Open(1);
        Assert.Equal(1, guest.Driver.Expect(ControlEvent.PortOpen, 1).Message.Value);
        guest.Driver.Write(1, new byte[10_000]);
        Wait.Until(() => rig.Thread.Invoke(() => rig.Ports[1].DroppedBytes) == 10_000, "the drop");
        Assert.Equal(0, end.TakenCount);
    }

    [Fact]
    public void GuestClosed_HostBytes_AreNotRead()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(1);
        using Guest guest = new(rig);
        _ = guest.Driver.Input(1).Post(int.MaxValue);
        guest.Driver.Send(1, ControlEvent.PortReady, 1);
        rig.Thread.Invoke(() => end.Give([1, 2, 3]));
        rig.Thread.Settle();
        Assert.Equal(0, rig.Thread.Invoke(() => end.Reads));
        guest.Driver.Send(1, ControlEvent.PortOpen, 1);
        Assert.Equal([1, 2, 3], guest.Driver.Receive(1, 3));
        guest.Driver.Send(1, ControlEvent.PortOpen, 0);
        int reads = rig.Thread.Invoke(() => end.Reads);
        rig.Thread.Invoke(() => end.Give([4]));
        rig.Thread.Settle();
        Assert.Equal(reads, rig.Thread.Invoke(() => end.Reads));
    }

    /// <summary>What was written before the last close is delivered all the same.</summary>
    [Fact]
    public void GuestClosed_BytesAlreadyWritten_AreDelivered()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(1);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        rig.Thread.Invoke(() => end.Allow(1));
        guest.Driver.Write(1, new byte[5000]);
        guest.Driver.Send(1, ControlEvent.PortOpen, 0);
        Assert.False(rig.Thread.Invoke(() => rig.Device.IsFinished(1)));
        rig.Thread.Invoke(() => end.Allow(long.MaxValue));
        Wait.Until(() => rig.Thread.Invoke(() => end.TakenCount) == 5000, "the rest");
        rig.Thread.Settle();
        Assert.True(rig.Thread.Invoke(() => rig.Device.IsFinished(1)));
    }

    [Fact]
    public void Chains_WithoutBytes_AreGivenBack()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(1);
        using Guest guest = new(rig, Guest.Plain);
        SerialRig.Open(guest.Driver, 1);
        DriverQueue output = guest.Driver.Output(1);
        DriverQueue input = guest.Driver.Input(1);
        rig.Thread.Invoke(() => end.Allow(3));
        Assert.True(output.TrySend([]));
        Assert.True(output.TrySend([1, 2, 3]));
        Assert.True(output.TrySend([]));
        Assert.True(output.TrySend([4]));
        rig.Thread.Invoke(() => end.Allow(100));
        Wait.Until(() => output.Ring.UsedIndex == 4, "all chains");
        Assert.Equal([1, 2, 3, 4], end.Taken);
        Assert.Equal(0, input.Ring.UsedWaiting);
    }

    [Fact]
    public void Chains_OfSeveralBuffers_AreOneStream()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(1);
        using Guest guest = new(rig, Guest.Plain);
        SerialRig.Open(guest.Driver, 1);
        GuestRam ram = guest.FrontEnd.Ram;
        DriverQueue output = guest.Driver.Output(1);
        int at = ram.Allocate(64);
        ram.Words.Write(at, [1, 2, 3, 4, 5, 6, 7, 8]);
        Assert.True(output.Ring.TryAdd(
            [new(ram.GuestAddress(at + 4), 4, 0, 0), new(ram.GuestAddress(at), 0, 0, 0), new(ram.GuestAddress(at), 3, 0, 0)], out _));
        rig.Thread.Invoke(() => end.MaxPerWrite = 5);
        output.Ring.Publish();
        output.KickIfWanted();
        Wait.Until(() => rig.Thread.Invoke(() => end.TakenCount) == 7, "the chain");
        Assert.Equal([5, 6, 7, 8, 1, 2, 3], end.Taken);
        Wait.Until(() => output.Ring.UsedWaiting == 1, "the chain back");
    }

    /// <summary>The guest shortens a chain of which more than that was already delivered: it is over, the next one follows.</summary>
    [Fact]
    public void Chain_ShortenedInMidDelivery_IsOver()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(1);
        using Guest guest = new(rig, Guest.Plain);
        SerialRig.Open(guest.Driver, 1);
        DriverQueue output = guest.Driver.Output(1);
        rig.Thread.Invoke(() => end.Allow(10));
        ushort head = output.Ring.NextFree;
        Assert.True(output.TrySend(new byte[100]));
        Wait.Until(() => rig.Thread.Invoke(() => end.TakenCount) == 10, "a part");
        output.Ring.WriteDescriptor(head, new(guest.FrontEnd.Ram.GuestAddress(output.BufferOf(head)), 5, 0, 0));
        Assert.True(output.TrySend([42]));
        rig.Thread.Invoke(() => end.Allow(100));
        Wait.Until(() => rig.Thread.Invoke(() => end.TakenCount) == 11, "the next chain");
        Assert.Equal(42, end.Taken[^1]);
    }

    [Fact]
    public void Unplug_WhileTheHostIsStuck_FreesTheRingAndLeaksNothingToTheNextPort()
    {
        using SerialRig rig = new();
        ScriptedEnd first = rig.Plug(1);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        rig.Thread.Invoke(() => first.Allow(10));
        guest.Driver.Write(1, Guest.Bytes(20_000, 5));
        Wait.Until(() => rig.Thread.Invoke(() => first.TakenCount) == 10, "a part");
        ScriptedEnd second = new();
        rig.Thread.Invoke(() =>
        {
            rig.Device.Unplug(1)!.Dispose();
            Port port = new(new PortSpec(1, "other"), second, rig.Loop, rig.Log);
            port.Start();
            rig.Device.Plug(port);
            second.Connect(true);
        });
        Assert.True(first.IsDisposed);
        Wait.Until(() => guest.Driver.Output(1).Ring.UsedWaiting == 5, "the ring to drain");
        _ = guest.Driver.Expect(ControlEvent.PortRemove, 1);
        _ = guest.Driver.Expect(ControlEvent.PortAdd, 1);
        ushort index = guest.Driver.Input(1).Ring.UsedIndex;
        guest.Driver.Send(1, ControlEvent.PortReady, 1);
        guest.Driver.Send(1, ControlEvent.PortOpen, 1);
        guest.Driver.Write(1, [7, 7]);
        Wait.Until(() => rig.Thread.Invoke(() => second.TakenCount) > 0, "the new port's bytes");
        Assert.Equal([7, 7], second.Taken);

        // The receive ring goes on with the buffers that were there.
        rig.Thread.Invoke(() => second.Give([1, 2, 3]));
        Assert.Equal([1, 2, 3], guest.Driver.Receive(1, 3));
        Assert.Equal(index + 1, guest.Driver.Input(1).Ring.UsedIndex);
    }

    [Fact]
    public void Unplug_WhileOpen_ClosesIt()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(1);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        rig.Unplug(1);
        Assert.Equal([true, false], end.GuestOpens);
        guest.Driver.Write(1, [1]);
        Wait.Until(() => guest.Driver.Output(1).Ring.UsedWaiting == 1, "the late byte to be dropped");
        Assert.Equal(0, end.TakenCount);
    }
}
