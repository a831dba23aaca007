using VmChannel.Testing;
using VmChannel.Wire.Virtio;
using Xunit;

namespace VmChannel.Device.Tests.VirtioSerial;

/// <summary>A chain may name the same memory again and again: its length says nothing about what one turn may cost.</summary>
public sealed class BoundedTurnTests
{
    private const int BytesPerTurn = 256 * 1024;
    private const int Pieces = 50;
    private const int PieceBytes = 512 * 1024;

    [Fact]
    public void LongChain_FromTheGuest_IsTakenTurnByTurn()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(1);
        end.DiscardsTaken = true;
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        SplitDescriptor[] same = [.. Enumerable.Repeat(new SplitDescriptor(guest.FrontEnd.Ram.GuestAddress(0), PieceBytes, 0, 0), Pieces)];
        Assert.True(guest.Driver.Output(1).Ring.TryAdd(same, out _));
        guest.Driver.Output(1).Ring.Publish();
        guest.Driver.Output(1).Kick();
        Wait.Until(() => end.TakenCount == (long)Pieces * PieceBytes, "the whole chain");
        Assert.True(rig.Thread.Invoke(() => end.Writes) >= Pieces * PieceBytes / BytesPerTurn, "a turn took more than its share");
        Wait.Until(() => guest.Driver.Output(1).Ring.UsedWaiting == 1, "the chain to be used, once");
    }
}
