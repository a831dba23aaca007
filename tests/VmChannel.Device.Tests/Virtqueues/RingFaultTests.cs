using VmChannel.Device.Virtqueues;
using VmChannel.Native;
using VmChannel.Wire.VhostUser;
using VmChannel.Wire.Virtio;
using Xunit;

namespace VmChannel.Device.Tests.Virtqueues;

/// <summary>Every way to break a ring ends in the fault that names it, once, and nothing is taken from the ring after.</summary>
public sealed class RingFaultTests
{
    private const VirtioFeatures Indirect = VirtioFeatures.IndirectDescriptors;

    [Fact]
    public void Head_PastTheTable_IsIndexOutOfTable()
        => Break(VirtioFeatures.None, RingFault.IndexOutOfTable, bench => bench.Driver.PutHead(8));

    [Fact]
    public void Next_PastTheTable_IsIndexOutOfTable()
        => Break(VirtioFeatures.None, RingFault.IndexOutOfTable, bench => Direct(bench, bench.Buffer(0, 4), DescriptorFlags.Next, 8));

    [Fact]
    public void Next_ToItself_IsChainLoops()
        => Break(VirtioFeatures.None, RingFault.ChainLoops, bench => Direct(bench, bench.Buffer(0, 0), DescriptorFlags.Next, 0));

    [Fact]
    public void Next_InACircle_IsChainLoops() => Break(VirtioFeatures.None, RingFault.ChainLoops, bench =>
    {
        bench.Driver.WriteDescriptor(1, bench.Buffer(0, 4) with { Flags = DescriptorFlags.Next, Next = 0 });
        Direct(bench, bench.Buffer(0, 4), DescriptorFlags.Next, 1);
    });

    [Fact]
    public void AvailableIndex_RunsAhead_IsIndexRunsAhead()
        => Break(VirtioFeatures.None, RingFault.IndexRunsAhead, bench => bench.Driver.PutAvailableIndex(9), publish: false);

    [Fact]
    public void AvailableIndex_GoesBack_IsIndexRunsAhead()
        => Break(VirtioFeatures.None, RingFault.IndexRunsAhead, bench => bench.Driver.PutAvailableIndex(0xFFFF), publish: false);

    [Theory]
    [InlineData(0x3FFF_FFFFUL, 1u)] // one byte before memory
    [InlineData(0x4000_0000UL + (4 << 20), 1u)] // one byte after
    [InlineData(0x4000_0000UL + (4 << 20) - 16, 17u)] // over the edge by one
    [InlineData(0x4000_0000UL, uint.MaxValue)] // a length that lies
    [InlineData(ulong.MaxValue - 3, 8u)] // wraps around
    [InlineData(0UL, 8u)]
    public void Buffer_NotInMemory_IsOutsideMemory(ulong address, uint length)
        => Break(VirtioFeatures.None, RingFault.OutsideMemory, bench => Direct(bench, new(address, length, 0, 0), DescriptorFlags.None, 0));

    [Fact]
    public void Buffer_UpToTheEdge_IsNoFault()
    {
        using RingBench bench = new(VirtioFeatures.None);
        Assert.True(bench.Driver.TryAdd([new(bench.Ram.GuestEnd - 16, 16, 0, 0)], out _));
        bench.Driver.Publish();
        Assert.Equal(1, bench.Queue.Gather(bench.Batch, 100, 1));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Buffer_OfTheOtherDirection_IsWrongDirection(bool deviceWrites)
        => Break(
            VirtioFeatures.None,
            RingFault.WrongDirection,
            bench => Direct(bench, bench.Buffer(0, 4, !deviceWrites), bench.Buffer(0, 4, !deviceWrites).Flags, 0),
            deviceWrites);

    [Fact]
    public void Buffer_OfTheOtherDirectionInMidChain_IsWrongDirection()
        => Break(VirtioFeatures.None, RingFault.WrongDirection, bench =>
            Assert.True(bench.Driver.TryAdd([bench.Buffer(0, 4), bench.Buffer(8, 4, deviceWrites: true)], out _)));

    [Theory]
    [InlineData(0u)] // empty
    [InlineData(15u)] // misshapen
    [InlineData(17u)]
    [InlineData(16u * 1025)] // longer than one call takes
    [InlineData(uint.MaxValue & ~15u)]
    public void Table_OfABadLength_IsBadIndirectTable(uint bytes)
        => Break(Indirect, RingFault.BadIndirectTable, bench
            => Direct(bench, bench.Buffer(0, bytes), DescriptorFlags.Indirect, 0));

    [Fact]
    public void Table_OutsideMemory_IsBadIndirectTable()
        => Break(Indirect, RingFault.BadIndirectTable, bench => Direct(bench, new(8, 16, 0, 0), DescriptorFlags.Indirect, 0));

    [Fact]
    public void Table_WithNextBesideIt_IsBadIndirectTable()
        => Break(Indirect, RingFault.BadIndirectTable, bench
            => Direct(bench, bench.Buffer(0, 16), DescriptorFlags.Indirect | DescriptorFlags.Next, 1));

    [Fact]
    public void Table_InATable_IsBadIndirectTable() => Break(Indirect, RingFault.BadIndirectTable, bench
        => Assert.True(bench.Driver.TryAddIndirect([bench.Buffer(0, 16) with { Flags = DescriptorFlags.Indirect }], out _)));

    [Fact]
    public void Table_NotNegotiated_IsBadIndirectTable()
        => Break(VirtioFeatures.None, RingFault.BadIndirectTable, bench
            => Direct(bench, bench.Buffer(0, 16), DescriptorFlags.Indirect, 0));

    [Fact]
    public void Table_NextPastItsEnd_IsIndexOutOfTable() => Break(Indirect, RingFault.IndexOutOfTable, bench =>
    {
        Assert.True(bench.Driver.TryAddIndirect([bench.Buffer(0, 4), bench.Buffer(8, 4)], out ushort head));
        Span<byte> descriptor = stackalloc byte[SplitDescriptor.Size];
        (bench.Buffer(0, 4) with { Flags = DescriptorFlags.Next, Next = 2 }).Write(descriptor);
        bench.Ram.Words.Write(bench.Driver.TableAt(head), descriptor);
    });

    [Fact]
    public void Table_NextToItself_IsChainLoops() => Break(Indirect, RingFault.ChainLoops, bench =>
    {
        Assert.True(bench.Driver.TryAddIndirect([bench.Buffer(0, 4)], out ushort head));
        Span<byte> descriptor = stackalloc byte[SplitDescriptor.Size];
        (bench.Buffer(0, 4) with { Flags = DescriptorFlags.Next, Next = 0 }).Write(descriptor);
        bench.Ram.Words.Write(bench.Driver.TableAt(head), descriptor);
    });

    [Fact]
    public void Chain_OfMorePiecesThanACallTakes_IsTooManyPieces()
    {
        using RingBench bench = new(VirtioFeatures.None, size: 2048);
        SplitDescriptor[] pieces = [.. Enumerable.Range(0, IoVector.MaxCount + 1).Select(i => bench.Buffer(i, 1))];
        Assert.True(bench.Driver.TryAdd(pieces, out _));
        bench.Driver.Publish();
        Assert.Equal(0, bench.Queue.Gather(bench.Batch, long.MaxValue, 1));
        Assert.Equal(RingFault.TooManyPieces, bench.Queue.Fault);
    }

    /// <summary>Exactly what fits is fine, and a chain that only has no room behind others waits for its own turn.</summary>
    [Fact]
    public void Chain_OfAsManyPiecesAsACallTakes_IsNoFault()
    {
        using RingBench bench = new(VirtioFeatures.None, size: 2048);
        SplitDescriptor[] pieces = [.. Enumerable.Range(0, IoVector.MaxCount).Select(i => bench.Buffer(i, 1))];
        Assert.True(bench.Driver.TryAdd([bench.Buffer(0, 7)], out _));
        Assert.True(bench.Driver.TryAdd(pieces, out _));
        bench.Driver.Publish();
        Assert.Equal(1, bench.Queue.Gather(bench.Batch, long.MaxValue, 256));
        bench.Queue.Complete(bench.Batch, 1, 0);
        Assert.Equal(1, bench.Queue.Gather(bench.Batch, long.MaxValue, 256));
        Assert.Equal(IoVector.MaxCount, bench.Batch.PieceCount);
        Assert.Equal(RingFault.None, bench.Queue.Fault);
    }

    [Fact]
    public void Halt_QueueOfABrokenDevice_IsDeviceStopped()
    {
        using RingBench bench = new(VirtioFeatures.None);
        Assert.True(bench.Driver.TryAdd([bench.Buffer(0, 4)], out _));
        bench.Driver.Publish();
        bench.Queue.Halt();
        Assert.Equal(RingFault.DeviceStopped, bench.Queue.Fault);
        Assert.Equal(0, bench.Queue.Gather(bench.Batch, 1, 1));
        Assert.Equal(0, bench.BrokenCalls);
    }

    [Theory]
    [InlineData(8, "misaligned")]
    [InlineData(0x100_0000, "outside")]
    public void Open_RingPartInABadPlace_SaysWhy(int shift, string expected)
    {
        using RingBench bench = new(VirtioFeatures.None);
        VringAddress at = bench.Driver.Address(0);
        Assert.Null(new RingAddresses(at.Descriptors + (ulong)shift, at.Available, at.Used, 8).Open(bench.Memory, 0, out string? reason));
        Assert.Contains(expected, reason, StringComparison.Ordinal);
    }

    /// <summary>A ring over the seam of two regions is refused: its words would not be in one mapping.</summary>
    [Fact]
    public void Open_RingOverASeam_IsRefused()
    {
        using RingBench bench = new(VirtioFeatures.None);
        VringAddress at = bench.Driver.Address(0);
        ulong seam = bench.Ram.UserAddress(2 << 20) - 64;
        Assert.Null(new RingAddresses(seam, at.Available, at.Used, 8).Open(bench.Memory, 0, out _));
        Assert.NotNull(new RingAddresses(seam, at.Available, at.Used, 4).Open(bench.Memory, 0, out _));
    }

    private static void Direct(RingBench bench, SplitDescriptor descriptor, DescriptorFlags flags, ushort next)
    {
        bench.Driver.WriteDescriptor(0, descriptor with { Flags = flags, Next = next });
        bench.Driver.PutHead(0);
    }

    private static void Break(
        VirtioFeatures features, RingFault expected, Action<RingBench> act, bool deviceWrites = false, bool publish = true)
    {
        using RingBench bench = new(features, deviceWrites: deviceWrites);
        act(bench);
        if (publish)
        {
            bench.Driver.Publish();
        }

        Assert.Equal(0, bench.Queue.Gather(bench.Batch, long.MaxValue, 256));
        Assert.Equal(expected, bench.Queue.Fault);
        Assert.Equal(0, bench.Batch.ChainCount);
        Assert.True(bench.TakeError());

        // Broken stays broken, quietly.
        Assert.Equal(0, bench.Queue.Gather(bench.Batch, long.MaxValue, 256));
        Assert.True(bench.Queue.WaitForDriver(known: 0));
        Assert.Equal(1, bench.BrokenCalls);
        Assert.Equal(0, bench.Driver.UsedIndex);
    }
}
