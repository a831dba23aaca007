using System.Buffers;
using Microsoft.Extensions.Logging.Abstractions;
using VmChannel.Device.Loop;
using VmChannel.Device.Services.Clipboard;
using VmChannel.Wire.VdAgent;

namespace VmChannel.Fuzz;

/// <summary>
/// All that a guest's agent sends in one session, while the host copies, pastes and answers. Byte 0 says how the rest is cut; the two low
/// bits of each piece's first byte, what the host does after it.
/// </summary>
public static class ClipboardTarget
{
    private const int MaxBytes = 4096;
    private static readonly TimeSpan EndTime = TimeSpan.FromSeconds(30);

    public static void Run(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty)
        {
            return;
        }

        int cut = input[0] + 1;
        input = input[1..];
        SharedClipboard clipboard = new(ClipboardPolicy.Default with { MaxBytes = MaxBytes });
        List<Task> pastes = [];
        using (AgentConversation conversation = new(clipboard, NullLogger.Instance, new LogLimit(burst: 1)))
        {
            AgentMessageReader reader = new(AgentConversation.MaxPayloadBytes, MessageType.ClipboardData);
            while (!input.IsEmpty)
            {
                ReadOnlySpan<byte> piece = input[..Math.Min(cut, input.Length)];
                input = input[piece.Length..];
                Act(piece[0], clipboard, conversation, pastes);
                while (reader.TryRead(ref piece, out AgentMessage message) == OperationStatus.Done)
                {
                    conversation.Receive(message);
                }

                if (reader.HeldBytes > AgentConversation.MaxPayloadBytes)
                {
                    throw new InvalidOperationException("more is held than may be");
                }
            }
        }

        // Whoever waited for the guest has been told by now that it has gone.
        if (!Task.WhenAll(pastes).Wait(EndTime))
        {
            throw new InvalidOperationException("somebody waits for ever");
        }

        clipboard.Close();
    }

    private static void Act(byte action, SharedClipboard clipboard, AgentConversation conversation, List<Task> pastes)
    {
        ClipboardSelection selection = (ClipboardSelection)((action >> 2) % SharedClipboard.Selections);
        switch (action & 3)
        {
            case 1:
                clipboard.Offer(selection, ClipboardContent.Of("the host's"u8));
                break;
            case 2:
                pastes.Add(PasteAsync(clipboard, selection));
                break;
            case 3:
                Send(conversation);
                break;
            default:
                break;
        }
    }

    private static async Task PasteAsync(SharedClipboard clipboard, ClipboardSelection selection)
    {
        try
        {
            using ClipboardContent content = await clipboard.GetAsync(selection, type: null, CancellationToken.None);
            if (content.Length is 0 or > MaxBytes)
            {
                throw new InvalidOperationException($"{content.Length} bytes came");
            }
        }
        catch (ClipboardException)
        {
            // It cannot be had: the guest is free to say so.
        }
    }

    private static void Send(AgentConversation conversation)
    {
        ArrayBufferWriter<byte> sent = new();
        while (conversation.TryTake(out OutgoingMessage message))
        {
            using ClipboardContent? data = message.Data;
            byte[] bytes = new byte[data?.Length ?? 0];
            _ = data?.Read(bytes, 0);
            AgentMessageWriter writer = new(message.Type, message.Fields.Span, bytes.Length);
            ReadOnlySpan<byte> left = bytes;
            while (!writer.IsDone)
            {
                writer.WriteChunk(sent, ref left);
            }
        }
    }
}
