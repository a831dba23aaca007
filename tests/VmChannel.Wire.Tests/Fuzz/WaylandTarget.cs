using System.Buffers;
using VmChannel.Wire.Wayland;
using Xunit;

namespace VmChannel.Wire.Tests.Fuzz;

/// <summary>Fuzz target: what a compositor sends; each message's arguments are read as words and as strings.</summary>
public static class WaylandTarget
{
    public static void Run(ReadOnlySpan<byte> input)
    {
        while (WaylandMessage.TryTake(ref input, out WaylandMessage message) == OperationStatus.Done)
        {
            Assert.InRange(message.Bytes.Length, WaylandMessage.HeaderBytes, WaylandMessage.MaxBytes);
            ReadOnlySpan<byte> arguments = message.Arguments;
            while (WaylandMessage.TryTakeString(ref arguments, out string text) || WaylandMessage.TryTakeWord(ref arguments, out _))
            {
                Assert.True(text.Length <= message.Arguments.Length);
            }
        }
    }
}
