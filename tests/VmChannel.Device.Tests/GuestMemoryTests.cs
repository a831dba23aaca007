using VmChannel.Native;
using Xunit;

namespace VmChannel.Device.Tests;

public sealed class GuestMemoryTests
{
    private const ulong Page = 4096;

    [Fact]
    public void TryTranslate_FewerRegionsThanBefore_LooksFromTheStart()
    {
        using FileDescriptor file = MappedRegion.CreateFile("test", 16 * Page);
        using GuestMemory memory = new();
        IoVector[] pieces = new IoVector[4];
        for (ulong i = 0; i < 3; i++)
        {
            Assert.True(memory.TryAdd(new(i * 0x10000, Page, i * 0x10000, i * Page), file, out _));
        }

        Assert.True(memory.TryTranslate(0x20000, 8, pieces, out _));
        memory.Dispose();
        Assert.True(memory.TryAdd(new(0, Page, 0, 0), file, out _));
        Assert.True(memory.TryTranslate(0, 8, pieces, out int count));
        Assert.Equal(1, count);
    }

    [Fact]
    public void TryTranslate_OverTouchingRegions_IsOnePieceEach()
    {
        using FileDescriptor file = MappedRegion.CreateFile("test", 16 * Page);
        using GuestMemory memory = new();
        Assert.True(memory.TryAdd(new(Page, Page, 0, 8 * Page), file, out _));
        Assert.True(memory.TryAdd(new(0, Page, 0x100000, 0), file, out _));
        IoVector[] pieces = new IoVector[4];
        Assert.True(memory.TryTranslate(Page - 5, 15, pieces, out int count));
        Assert.Equal([5L, 10L], pieces[..count].Select(piece => piece.Length));
        Assert.False(memory.TryTranslate((2 * Page) - 5, 15, pieces, out _));
        Assert.True(memory.TryTranslate(12345678, 0, pieces, out count));
        Assert.Equal(0, count);
    }

    [Theory]
    [InlineData(0x1000UL, 0UL, 0UL)] // empty
    [InlineData(0x1000UL, 0x11000UL, 0UL)] // longer than its file
    [InlineData(0x1000UL, 0x1000UL, 0x10000UL)] // past its file
    [InlineData(0xFFFFFFFFFFFFF001UL, 0x1000UL, 0UL)] // wraps
    [InlineData(0x1000UL, 0xFFFFFFFFFFFFFFFFUL, 0UL)]
    [InlineData(0x1000UL, 0x1000UL, 0xFFFFFFFFFFFFFFFFUL)]
    public void TryAdd_RegionThatCannotBe_IsRefused(ulong address, ulong length, ulong offset)
    {
        using FileDescriptor file = MappedRegion.CreateFile("test", 16 * Page);
        using GuestMemory memory = new();
        Assert.False(memory.TryAdd(new(address, length, 0, offset), file, out string? error));
        Assert.NotNull(error);
        Assert.Equal(0, memory.RegionCount);
    }

    [Fact]
    public void TryAdd_Overlap_IsRefused()
    {
        using FileDescriptor file = MappedRegion.CreateFile("test", 16 * Page);
        using GuestMemory memory = new();
        Assert.True(memory.TryAdd(new(4 * Page, 4 * Page, 0, 0), file, out _));
        Assert.False(memory.TryAdd(new((8 * Page) - 1, Page, 0x100000, 0), file, out _));
        Assert.False(memory.TryAdd(new(0, (4 * Page) + 1, 0x100000, 0), file, out _));
        Assert.True(memory.TryAdd(new(8 * Page, Page, 0x100000, 0), file, out _));
        Assert.False(memory.Remove(8 * Page, 0, Page));
        Assert.True(memory.Remove(8 * Page, 0x100000, Page));
    }
}
