using System.Buffers;
using VmChannel.Testing;
using VmChannel.Wire.Wayland;
using Xunit;

namespace VmChannel.Wire.Tests.Wayland;

public sealed class WaylandMessageTests
{
    private static byte[] Seed(string name) => Corpus.File("wayland", name);

    [Fact]
    public void TryTake_MessageThatIsNotWholeYet_LeavesTheInput()
    {
        byte[] bytes = Seed("error");
        ReadOnlySpan<byte> input = bytes.AsSpan(0, bytes.Length - 1);
        Assert.Equal(OperationStatus.NeedMoreData, WaylandMessage.TryTake(ref input, out _));
        Assert.Equal(bytes.Length - 1, input.Length);
        input = bytes;
        Assert.Equal(OperationStatus.Done, WaylandMessage.TryTake(ref input, out WaylandMessage message));
        ReadOnlySpan<byte> arguments = message.Arguments;
        Assert.True(WaylandMessage.TryTakeWord(ref arguments, out uint id));
        Assert.True(WaylandMessage.TryTakeWord(ref arguments, out _));
        Assert.True(WaylandMessage.TryTakeString(ref arguments, out string reason));
        Assert.Equal((6u, "used source", 0), (id, reason, arguments.Length));
    }

    [Fact]
    public void TryTake_LengthZero_IsRefused()
    {
        ReadOnlySpan<byte> input = Seed("length-zero");
        Assert.Equal(OperationStatus.InvalidData, WaylandMessage.TryTake(ref input, out _));
    }

    [Theory]
    [InlineData("string-of-4gib")]
    [InlineData("string-without-end")]
    public void TryTakeString_ThatIsNone_LeavesTheArguments(string seed)
    {
        ReadOnlySpan<byte> arguments = Seed(seed).AsSpan(WaylandMessage.HeaderBytes);
        int length = arguments.Length;
        Assert.False(WaylandMessage.TryTakeString(ref arguments, out _));
        Assert.Equal(length, arguments.Length);
    }

    [Fact]
    public void Bind_IsReadBackAsItWasWritten()
    {
        ReadOnlySpan<byte> input = WaylandRequest.Bind(2, 7, "wl_seat", 1, 4);
        Assert.Equal(OperationStatus.Done, WaylandMessage.TryTake(ref input, out WaylandMessage message));
        ReadOnlySpan<byte> arguments = message.Arguments;
        Assert.True(WaylandMessage.TryTakeWord(ref arguments, out uint name));
        Assert.True(WaylandMessage.TryTakeString(ref arguments, out string type));
        Assert.True(WaylandMessage.TryTakeWord(ref arguments, out uint version));
        Assert.True(WaylandMessage.TryTakeWord(ref arguments, out uint id));
        Assert.Equal((2u, 7u, "wl_seat", 1u, 4u, 0), (message.Target, name, type, version, id, arguments.Length));
    }
}
