using System.Buffers;
using System.IO.Pipelines;
using Microsoft.Extensions.Logging;
using VmChannel.Device.Loop;
using VmChannel.Wire.VdAgent;

namespace VmChannel.Device.Services.Clipboard;

/// <summary>Shares the clipboard of a guest whose agent speaks the SPICE agent protocol (<c>org.qemu.clipboard</c>, <c>com.redhat.spice.0</c>).</summary>
/// <remarks>
/// A message we cannot use is passed over; a stream out of step ends the session, and the guest's agent begins again.
/// </remarks>
internal sealed class ClipboardService(SharedClipboard clipboard, TextInlet? inlet, TextOutlet? outlet, ILogger log) : IService
{
    private const int FlushBytes = 32 * 1024;

    private static readonly TimeSpan SkipTime = TimeSpan.FromSeconds(1);

    private readonly LogLimit _limit = new(burst: 1);

    public string Name => "clipboard";

    /// <summary>For whoever else on the host wants to copy or paste.</summary>
    public SharedClipboard Clipboard => clipboard;

    public void Start()
    {
        outlet?.Start();
        inlet?.Start();
    }

    public void Stop()
    {
        inlet?.Dispose();
        outlet?.Dispose();
        clipboard.Close();
    }

    public async Task RunAsync(IDuplexPipe channel, CancellationToken cancellation)
    {
        using AgentConversation conversation = new(clipboard, log, _limit);
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        await Task.WhenAll(ReceiveAsync(channel.Input, conversation, stop), SendAsync(channel.Output, conversation, stop.Token));
    }

    private static async Task ReceiveAsync(PipeReader input, AgentConversation conversation, CancellationTokenSource stop)
    {
        try
        {
            AgentMessageReader reader = new(AgentConversation.MaxPayloadBytes, streamed: MessageType.ClipboardData);
            ReadResult result;
            do
            {
                result = await input.ReadAsync(stop.Token);
                bool isInStep = true;
                foreach (ReadOnlyMemory<byte> segment in result.Buffer)
                {
                    isInStep = isInStep && Take(segment.Span, reader, conversation);
                }

                input.AdvanceTo(result.Buffer.End);
                if (!isInStep)
                {
                    await SkipAsync(input, stop.Token);
                    throw new InvalidDataException("the guest's agent sent what is no message");
                }
            }
            while (!result.IsCompleted);
        }
        finally
        {
            await stop.CancelAsync();
        }
    }

    /// <summary>False when the stream is out of step.</summary>
    private static bool Take(ReadOnlySpan<byte> bytes, AgentMessageReader reader, AgentConversation conversation)
    {
        OperationStatus status;
        while ((status = reader.TryRead(ref bytes, out AgentMessage message)) == OperationStatus.Done)
        {
            conversation.Receive(message);
        }

        return status != OperationStatus.InvalidData;
    }

    /// <summary>Throws away what the guest has written already: it would be taken for the beginning of the next session.</summary>
    private static async Task SkipAsync(PipeReader input, CancellationToken cancellation)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(SkipTime);
        try
        {
            ReadResult rest;
            do
            {
                rest = await input.ReadAsync(limit.Token);
                input.AdvanceTo(rest.Buffer.End);
            }
            while (!rest.IsCompleted);
        }
        catch (OperationCanceledException)
        {
            // Enough of it.
        }
    }

    private static async Task SendAsync(PipeWriter output, AgentConversation conversation, CancellationToken cancellation)
    {
        byte[] block = new byte[FlushBytes];
        try
        {
            while (true)
            {
                while (conversation.TryTake(out OutgoingMessage message))
                {
                    using ClipboardContent? data = message.Data;
                    int taken = 0;
                    while (Write(output, message, block, ref taken))
                    {
                        FlushResult flushed = await output.FlushAsync(cancellation);
                        if (flushed.IsCompleted)
                        {
                            return;
                        }
                    }
                }

                await conversation.Outbox.WaitAsync(cancellation);
            }
        }
        catch (OperationCanceledException)
        {
            // The receiving side has ended, and with it the session.
        }
    }

    /// <summary>Writes the next chunks of a message. False when it was already whole.</summary>
    private static bool Write(PipeWriter output, in OutgoingMessage message, byte[] block, ref int taken)
    {
        AgentMessageWriter writer = new(message.Type, message.Fields.Span, message.DataBytes, taken);
        ReadOnlySpan<byte> data = message.Data is { } content ? block.AsSpan(0, content.Read(block, writer.DataTaken)) : message.Bytes.Span[writer.DataTaken..];
        do
        {
            if (writer.IsDone)
            {
                return false;
            }

            writer.WriteChunk(output, ref data);
        }
        while (!data.IsEmpty);

        taken = writer.Taken;
        return true;
    }
}
