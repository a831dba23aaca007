using System.Buffers;
using VmChannel.Wire.VdAgent;
using Xunit;

namespace VmChannel.Wire.Tests.Fuzz;

/// <summary>Fuzz target: a guest agent's byte stream. The first byte says how it is cut; nothing may throw or hold more than the cap.</summary>
public static class VdAgentTarget
{
    private const int Cap = 1024 * 1024;
    private const int SmallCap = 4096;

    public static void Run(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty)
        {
            return;
        }

        int cut = input[0] + 1;
        Read(new AgentMessageReader(Cap), input[1..], cut);
        Read(new AgentMessageReader(SmallCap, MessageType.ClipboardData), input[1..], cut);
    }

    private static void Read(AgentMessageReader reader, ReadOnlySpan<byte> input, int cut)
    {
        uint next = 0;
        while (!input.IsEmpty)
        {
            ReadOnlySpan<byte> piece = input[..Math.Min(cut, input.Length)];
            input = input[piece.Length..];
            while (reader.TryRead(ref piece, out AgentMessage message) == OperationStatus.Done)
            {
                Assert.Equal(next, message.Offset);
                next = message.IsLast ? 0 : next + (uint)message.Payload.Length;
                Assert.True(message.IsLast || !message.Payload.IsEmpty);
                Parse(message.Payload, AgentCapabilities.None);
                Parse(message.Payload, AgentCapabilities.ClipboardSelection | AgentCapabilities.ClipboardGrabSerial);
            }
        }

        Assert.True(reader.HeldBytes <= Cap);
    }

    private static void Parse(ReadOnlySpan<byte> payload, AgentCapabilities shared)
    {
        _ = CapabilitiesMessage.TryRead(payload, out _);
        _ = FileTransferStatus.TryRead(payload, out _);
        if (FileTransferStart.TryRead(payload, out FileTransferStart start))
        {
            Assert.True(FileTransferStart.TryRead(start.ToBytes(), out FileTransferStart again) || start.ToBytes().Length > FileTransferStart.MaxSize);
            Assert.True(again == start || again == default || start.Name.Contains('\uFFFD', StringComparison.Ordinal));
        }

        ReadOnlySpan<byte> piece = payload;
        _ = FileTransferData.TryTake(ref piece, out _);
        _ = ClipboardGrab.TryRead(payload, shared, out _);
        _ = ClipboardRelease.TryRead(payload, shared, out _);
        _ = ClipboardRequest.TryTake(ref payload, shared, out _);
    }
}
