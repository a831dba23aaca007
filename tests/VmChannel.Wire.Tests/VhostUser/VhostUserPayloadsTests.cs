using System.Buffers.Binary;
using CsCheck;
using VmChannel.Wire.VhostUser;
using Xunit;

namespace VmChannel.Wire.Tests.VhostUser;

public sealed class VhostUserPayloadsTests
{
    private static readonly byte[] State =
    [
        5, 0, 0, 0, // index
        0, 1, 0, 0, // num: 256
    ];

    private static readonly byte[] Address =
    [
        7, 0, 0, 0, // index
        1, 0, 0, 0, // flags: VHOST_VRING_F_LOG
        0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01, // descriptor
        0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11, // used
        0x28, 0x27, 0x26, 0x25, 0x24, 0x23, 0x22, 0x21, // available
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, // log
    ];

    private static readonly byte[] Region =
    [
        0, 0, 0, 0x40, 0, 0, 0, 0, // guest address
        0, 0, 0, 0x10, 0, 0, 0, 0, // size
        0, 0, 0, 0, 0x12, 0x7F, 0, 0, // user address
        0, 0x10, 0, 0, 0, 0, 0, 0, // mmap offset
    ];

    [Fact]
    public void VringState_Bytes_AreIndexThenNumber()
    {
        Assert.True(VringState.TryRead(State, out VringState state));
        Assert.Equal(new VringState(5, 256), state);
        Assert.Equal(VringState.Size, State.Length);
        byte[] wire = new byte[VringState.Size];
        state.Write(wire);
        Assert.Equal(State, wire);
        Assert.False(VringState.TryRead(State.AsSpan(1), out _));
    }

    [Fact]
    public void VringAddress_Bytes_HaveUsedBeforeAvailable()
    {
        Assert.True(VringAddress.TryRead(Address, out VringAddress address));
        Assert.Equal(
            new VringAddress(7, 1, 0x0102030405060708, 0x1112131415161718, 0x2122232425262728, ulong.MaxValue), address);
        Assert.Equal(VringAddress.Size, Address.Length);
        byte[] wire = new byte[VringAddress.Size];
        address.Write(wire);
        Assert.Equal(Address, wire);
        Assert.False(VringAddress.TryRead(Address.AsSpan(1), out _));
    }

    [Theory]
    [InlineData(0x05UL, 5, true)]
    [InlineData(0x105UL, 5, false)]
    [InlineData(0xFFUL, 255, true)]
    [InlineData(0xFFFFFFFFFFFFFEFFUL, 255, true)]
    public void VringDescriptor_Number_HasIndexInItsLowByteAndAFlag(ulong value, byte index, bool hasDescriptor)
    {
        byte[] wire = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(wire, value);
        Assert.True(VringDescriptor.TryRead(wire, out VringDescriptor descriptor));
        Assert.Equal(new VringDescriptor(index, hasDescriptor), descriptor);
        Assert.False(VringDescriptor.TryRead(wire.AsSpan(1), out _));
    }

    [Theory]
    [InlineData(true, new byte[] { 9, 0, 0, 0, 0, 0, 0, 0 })]
    [InlineData(false, new byte[] { 9, 1, 0, 0, 0, 0, 0, 0 })]
    public void VringDescriptor_Write_SetsBit8WithoutDescriptor(bool hasDescriptor, byte[] expected)
    {
        byte[] wire = new byte[VringDescriptor.Size];
        new VringDescriptor(9, hasDescriptor).Write(wire);
        Assert.Equal(expected, wire);
    }

    [Fact]
    public void MemoryRegion_Bytes_AreFourWords()
    {
        Assert.True(MemoryRegion.TryRead(Region, out MemoryRegion region));
        Assert.Equal(new MemoryRegion(0x40000000, 0x10000000, 0x7F1200000000, 0x1000), region);
        byte[] wire = new byte[MemoryRegion.Size];
        region.Write(wire);
        Assert.Equal(Region, wire);
        Assert.False(MemoryRegion.TryRead(Region.AsSpan(1), out _));
    }

    [Theory]
    [InlineData(0u, 1, false)]
    [InlineData(1u, 1, true)]
    [InlineData(1u, 2, true)] // UML: room for two, a count of one
    [InlineData(2u, 1, false)]
    [InlineData(8u, 8, true)]
    [InlineData(9u, 9, false)]
    [InlineData(0x80000000u, 8, false)]
    [InlineData(uint.MaxValue, 8, false)]
    public void TryReadCount_CountAndRoom_MustAgree(uint count, int room, bool expected)
    {
        byte[] wire = new byte[8 + (room * 32)];
        BinaryPrimitives.WriteUInt32LittleEndian(wire, count);
        Assert.Equal(expected, MemoryTable.TryReadCount(wire, out int read));
        Assert.Equal(expected ? (int)count : 0, read);
    }

    [Fact]
    public void TryReadCount_OneByteShort_IsRefused()
    {
        byte[] wire = [1, 0, 0, 0, 0, 0, 0, 0, .. Region];
        Assert.True(MemoryTable.TryReadCount(wire, out _));
        Assert.False(MemoryTable.TryReadCount(wire.AsSpan(0, wire.Length - 1), out _));
        Assert.False(MemoryTable.TryReadCount(wire.AsSpan(0, 7), out _));
    }

    [Theory]
    [InlineData(0u, 12u, 12, true)]
    [InlineData(0u, 12u, 11, false)]
    [InlineData(0u, 0u, 0, true)]
    [InlineData(256u, 0u, 0, true)]
    [InlineData(244u, 12u, 12, true)]
    [InlineData(245u, 12u, 12, false)]
    [InlineData(257u, 0u, 0, false)]
    [InlineData(0u, 257u, 257, false)]
    [InlineData(0xFFFFFFFFu, 2u, 2, false)]
    [InlineData(2u, 0xFFFFFFFFu, 2, false)]
    public void ConfigAccess_OffsetAndLength_StayInTheSpace(uint offset, uint length, int bytes, bool expected)
    {
        byte[] wire = new byte[ConfigAccess.HeadBytes + bytes];
        new ConfigAccess(offset, length, 1).Write(wire);
        Assert.Equal(expected, ConfigAccess.TryRead(wire, out ConfigAccess access));
        Assert.Equal(new ConfigAccess(offset, length, 1), access);
    }

    [Fact]
    public void ConfigAccess_HeadCutShort_IsRefused() => Assert.False(ConfigAccess.TryRead(new byte[11], out _));

    [Fact]
    public void ConfigAccess_Bytes_AreOffsetSizeFlags()
    {
        byte[] wire = new byte[ConfigAccess.HeadBytes];
        new ConfigAccess(4, 8, 1).Write(wire);
        Assert.Equal(
            [
                4, 0, 0, 0, // offset
                8, 0, 0, 0, // size
                1, 0, 0, 0, // flags: writable
            ],
            wire);
    }

    [Fact]
    public void Write_AnyAddress_IsReadBack()
        => Gen.Select(Gen.UInt, Gen.UInt, Gen.ULong, Gen.ULong, Gen.ULong, Gen.ULong).Sample((index, flags, d, u, a, log) =>
        {
            VringAddress address = new(index, flags, d, u, a, log);
            byte[] wire = new byte[VringAddress.Size];
            address.Write(wire);
            Assert.True(VringAddress.TryRead(wire, out VringAddress again));
            Assert.Equal(address, again);
        });

    [Fact]
    public void TryRead_AnyBytes_NeverThrows() => Gen.Byte.Array[0, 64].Sample(bytes =>
    {
        _ = VringState.TryRead(bytes, out _);
        _ = VringAddress.TryRead(bytes, out _);
        _ = VringDescriptor.TryRead(bytes, out _);
        _ = MemoryRegion.TryRead(bytes, out _);
        _ = ConfigAccess.TryRead(bytes, out _);
        if (MemoryTable.TryReadCount(bytes, out int count))
        {
            Assert.InRange(count, 1, (bytes.Length - 8) / 32);
        }
    });
}
