using System.Buffers;
using VmChannel.Wire.X11;
using Xunit;

namespace VmChannel.Wire.Tests.Fuzz;

/// <summary>Fuzz target: byte 0 says what the rest is: what a display sends (0), its welcome (1), or a file of cookies (2).</summary>
public static class X11Target
{
    private const int MaxBytes = 4096;

    public static void Run(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty)
        {
            return;
        }

        ReadOnlySpan<byte> rest = input[1..];
        switch (input[0] % 3)
        {
            case 0:
                Read(rest);
                break;
            case 1:
                if (ConnectionSetup.TryRead(rest, out ConnectionSetup setup, out string reason))
                {
                    Assert.NotEqual(0u, setup.ResourceMask);
                }
                else
                {
                    Assert.NotNull(reason);
                }

                break;
            default:
                Assert.True(DisplayCookie.Find(rest, "host", 7).Length <= rest.Length);
                break;
        }
    }

    private static void Read(ReadOnlySpan<byte> input)
    {
        while (ServerMessage.TryTake(ref input, MaxBytes, out ServerMessage message) == OperationStatus.Done)
        {
            Assert.InRange(message.Bytes.Length, ServerMessage.Size, MaxBytes);
            _ = SelectionRequest.Read(message.Bytes);
            _ = SelectionNotify.Read(message.Bytes);
            _ = PropertyNotify.Read(message.Bytes);
            _ = OwnerNotify.Read(message.Bytes);
            Assert.InRange(PropertyReply.Read(message.Bytes).ValueBytes, 0, message.Bytes.Length - ServerMessage.Size);
        }
    }
}
