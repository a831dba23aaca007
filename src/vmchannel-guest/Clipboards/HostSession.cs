using System.Buffers;
using VmChannel.Desktop;
using VmChannel.Wire.VdAgent;

namespace VmChannel.GuestTool.Clipboards;

/// <summary>Moves the messages of a conversation through a channel, until the host closes its end.</summary>
internal sealed class HostSession(Stream channel, IDesktopClipboard desktop, int maxBytes, string? folder)
{
    private const int BlockBytes = 32 * 1024;

    /// <exception cref="IOException">The host speaks something else, or the channel was unplugged.</exception>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using HostConversation conversation = new(desktop, maxBytes, folder is null ? null : new FileInbox(folder));
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        await Task.WhenAll(EndingAsync(ReceiveAsync(conversation, stop.Token), stop), EndingAsync(SendAsync(conversation, stop.Token), stop));
        cancellation.ThrowIfCancellationRequested();
    }

    /// <summary>With one direction ends the other.</summary>
    private static async Task EndingAsync(Task direction, CancellationTokenSource stop)
    {
        try
        {
            await direction;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The other has ended, or all is to end.
        }
        finally
        {
            await stop.CancelAsync();
        }
    }

    private async Task ReceiveAsync(HostConversation conversation, CancellationToken cancellation)
    {
        AgentMessageReader reader = new(HostConversation.MaxPayloadBytes, streamed: MessageType.ClipboardData);
        byte[] block = new byte[2 * BlockBytes];
        for (int count = await channel.ReadAsync(block, cancellation); count > 0; count = await channel.ReadAsync(block, cancellation))
        {
            Take(block.AsSpan(0, count), reader, conversation);
        }
    }

    private static void Take(ReadOnlySpan<byte> bytes, AgentMessageReader reader, HostConversation conversation)
    {
        OperationStatus status;
        while ((status = reader.TryRead(ref bytes, out AgentMessage message)) == OperationStatus.Done)
        {
            conversation.Receive(message);
        }

        if (status == OperationStatus.InvalidData)
        {
            throw new InvalidDataException("the host speaks something else than the SPICE agent's protocol");
        }
    }

    private async Task SendAsync(HostConversation conversation, CancellationToken cancellation)
    {
        ArrayBufferWriter<byte> chunks = new();
        while (true)
        {
            while (conversation.Take() is HostMessage message)
            {
                for (int taken = 0; Write(message, ref taken, chunks); chunks.ResetWrittenCount())
                {
                    await channel.WriteAsync(chunks.WrittenMemory, cancellation);
                }
            }

            await conversation.WaitAsync(cancellation);
        }
    }

    /// <summary>The next chunks of a message. False when it was already whole.</summary>
    private static bool Write(HostMessage message, ref int taken, ArrayBufferWriter<byte> chunks)
    {
        AgentMessageWriter writer = new(message.Type, message.Fields, message.Data.Length, taken);
        ReadOnlySpan<byte> data = message.Data.AsSpan(writer.DataTaken);
        while (!writer.IsDone && chunks.WrittenCount < BlockBytes)
        {
            writer.WriteChunk(chunks, ref data);
        }

        taken = writer.Taken;
        return chunks.WrittenCount > 0;
    }
}
