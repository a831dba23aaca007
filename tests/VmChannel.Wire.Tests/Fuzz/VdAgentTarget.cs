using System.Buffers;
using VmChannel.Wire.VdAgent;
using Xunit;

namespace VmChannel.Wire.Tests.Fuzz;

/// <summary>Fuzz target: a guest agent's byte stream. The first byte says how it is cut; nothing may throw or hold more than the cap.</summary>
public static class VdAgentTarget
{
    private const int Cap = 1024 * 1024;

    public static void Run(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty)
        {
            return;
        }

        int cut = input[0] + 1;
        input = input[1..];
        AgentMessageReader reader = new(Cap);
        while (!input.IsEmpty)
        {
            ReadOnlySpan<byte> piece = input[..Math.Min(cut, input.Length)];
            input = input[piece.Length..];
            while (reader.TryRead(ref piece, out AgentMessage message) == OperationStatus.Done)
            {
                Parse(message.Payload, AgentCapabilities.None);
                Parse(message.Payload, AgentCapabilities.ClipboardSelection | AgentCapabilities.ClipboardGrabSerial);
            }
        }

        Assert.True(reader.HeldBytes <= Cap);
    }

    private static void Parse(ReadOnlySpan<byte> payload, AgentCapabilities shared)
    {
        _ = CapabilitiesMessage.TryRead(payload, out _);
        _ = ClipboardGrab.TryRead(payload, shared, out _);
        _ = ClipboardRequest.TryTake(ref payload, shared, out _);
    }
}
