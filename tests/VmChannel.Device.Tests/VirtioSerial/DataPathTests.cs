using VmChannel.Testing;
using VmChannel.Wire.Virtio;
using Xunit;

namespace VmChannel.Device.Tests.VirtioSerial;

/// <summary>Costs of the data path that must not creep: allocations, and turns a chatty port waits for a bulk one.</summary>
public sealed class DataPathTests
{
    [Theory]
    [InlineData(Guest.Usual)]
    [InlineData(Guest.Plain)]
    public void TenThousandMessages_FromTheGuest_AllocateNothing(VirtioFeatures features)
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(1);
        using Guest guest = new(rig, features);
        end.DiscardsTaken = true;
        SerialRig.Open(guest.Driver, 1);
        Send(rig, guest, end, 500);
        long before = rig.Thread.Invoke(GC.GetAllocatedBytesForCurrentThread);
        long wakeups = rig.Thread.Invoke(() => rig.Loop.Wakeups);
        Send(rig, guest, end, 10_000);
        long after = rig.Thread.Invoke(GC.GetAllocatedBytesForCurrentThread);
        Assert.NotEqual(wakeups, rig.Thread.Invoke(() => rig.Loop.Wakeups));
        AssertNothingPerMessage(after - before);
    }

    [Fact]
    public void TenThousandMessages_ToTheGuest_AllocateNothing()
    {
        using SerialRig rig = new();
        EndlessEnd end = new();
        rig.Plug(new Device.Ports.PortSpec(1, "endless"), end);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        Take(guest, 500);
        long before = rig.Thread.Invoke(GC.GetAllocatedBytesForCurrentThread);
        Take(guest, 10_000);
        long after = rig.Thread.Invoke(GC.GetAllocatedBytesForCurrentThread);
        AssertNothingPerMessage(after - before);
    }

    /// <summary>A bulk port has a full ring all the time; a small message on another port is taken within a turn or two of it.</summary>
    [Fact]
    public void SmallMessage_BesideABulkPort_WaitsForFewTurns()
    {
        using SerialRig rig = new(new(3));
        ScriptedEnd bulk = rig.Plug(1);
        ScriptedEnd chatty = rig.Plug(2);
        bulk.DiscardsTaken = true;
        bulk.MaxPerWrite = 16 * 1024;
        using Guest guest = new(rig, ringSize: 256, bufferBytes: 16 * 1024);
        SerialRig.Open(guest.Driver, 1);
        SerialRig.Open(guest.Driver, 2);
        int bulkTurns = -1;
        rig.Thread.Invoke(() =>
        {
            // Both kicks wait while the loop is held here, so they are served from one state.
            byte[] message = new byte[16 * 1024];
            while (guest.Driver.Output(1).TrySend(message))
            {
            }

            Assert.True(guest.Driver.Output(2).TrySend([1]));
            chatty.Written = () => bulkTurns = bulk.Writes;
        });
        Wait.Until(() => rig.Thread.Invoke(() => chatty.TakenCount) == 1, "the small message");
        Wait.Until(() => rig.Thread.Invoke(() => bulk.TakenCount) == 256 * 16 * 1024, "the bulk");
        Assert.InRange(bulkTurns, 0, 2);
        Assert.True(bulk.Writes > 16);
    }

    private static void Send(SerialRig rig, Guest guest, ScriptedEnd end, int messages)
    {
        long target = rig.Thread.Invoke(() => end.TakenCount) + (messages * 16L);
        ReadOnlySpan<byte> message = stackalloc byte[16];
        DriverQueue output = guest.Driver.Output(1);
        for (int i = 0; i < messages;)
        {
            if (output.TrySend(message))
            {
                i++;
            }
            else
            {
                _ = Thread.Yield();
            }
        }

        Wait.Until(() => end.TakenCount == target, "all messages");
    }

    private static void Take(Guest guest, int messages)
    {
        DriverQueue input = guest.Driver.Input(1);
        byte[] buffer = new byte[4096];
        int taken = 0;
        Wait.Until(
            () =>
            {
                while (taken < messages && input.TryRead(buffer) >= 0)
                {
                    taken++;
                    _ = input.Post(1);
                }

                return taken >= messages;
            },
            "messages");
    }

    // The measuring itself posts a handful of objects; a single object per message would be 240,000 bytes.
    private static void AssertNothingPerMessage(long bytes) => Assert.InRange(bytes, 0, 4096);
}
