using System.Buffers;
using VmChannel.Wire.VdAgent;

namespace VmChannel.GuestTool;

/// <summary>The guest's side of the SPICE agent protocol, for one text in one direction. Blocking; one thread reads and writes.</summary>
internal sealed class AgentClient(Stream channel)
{
    /// <summary>What the host takes at most, too.</summary>
    public const int MaxTextBytes = 1024 * 1024;

    private const AgentCapabilities Ours = AgentCapabilities.ClipboardByDemand | AgentCapabilities.ClipboardSelection;

    private readonly AgentMessageReader _reader = new(MaxTextBytes + ClipboardRequest.MaxSize);
    private readonly byte[] _input = new byte[64 * 1024];
    private ReadOnlyMemory<byte> _unread;
    private AgentCapabilities _shared;

    /// <summary>Offers a text and stays until the host has taken it.</summary>
    /// <exception cref="IOException">The host closed its end, or said what makes no sense.</exception>
    public void Copy(ReadOnlySpan<byte> text)
    {
        Announce();
        Span<byte> fields = stackalloc byte[AgentMessageWriter.MaxFieldBytes];
        bool isOffered = false;
        while (true)
        {
            (MessageType type, _) = Next();
            if (type == MessageType.AnnounceCapabilities && !isOffered)
            {
                isOffered = true;
                Send(MessageType.ClipboardGrab, fields[..new ClipboardGrab(ClipboardSelection.Clipboard, 0, HasText: true).Write(fields, _shared)], []);
            }
            else if (type == MessageType.ClipboardRequest)
            {
                ClipboardRequest answer = new(ClipboardSelection.Clipboard, ClipboardType.Utf8Text);
                Send(MessageType.ClipboardData, fields[..answer.Write(fields, _shared)], text);
                return;
            }
        }
    }

    /// <summary>Waits until the host has a text, and returns it.</summary>
    /// <exception cref="IOException">The host closed its end, or said what makes no sense.</exception>
    public byte[] Paste()
    {
        Announce();
        Span<byte> fields = stackalloc byte[AgentMessageWriter.MaxFieldBytes];
        while (true)
        {
            (MessageType type, byte[] bytes) = Next();
            ReadOnlySpan<byte> payload = bytes;
            if (type == MessageType.ClipboardGrab && ClipboardGrab.TryRead(payload, _shared, out ClipboardGrab grab) && grab.HasText)
            {
                ClipboardRequest request = new(ClipboardSelection.Clipboard, ClipboardType.Utf8Text);
                Send(MessageType.ClipboardRequest, fields[..request.Write(fields, _shared)], []);
            }
            else if (type == MessageType.ClipboardData
                && ClipboardRequest.TryTake(ref payload, _shared, out ClipboardRequest answer)
                && answer.Type == ClipboardType.Utf8Text)
            {
                return payload.ToArray();
            }
        }
    }

    private void Announce()
    {
        Span<byte> fields = stackalloc byte[CapabilitiesMessage.Size];
        new CapabilitiesMessage(IsRequest: true, Ours).Write(fields);
        Send(MessageType.AnnounceCapabilities, fields, []);
    }

    private (MessageType Type, byte[] Payload) Next()
    {
        while (true)
        {
            ReadOnlySpan<byte> input = _unread.Span;
            OperationStatus status = _reader.TryRead(ref input, out AgentMessage message);
            _unread = _unread[^input.Length..];
            if (status == OperationStatus.InvalidData)
            {
                throw new IOException("the host speaks something else than the SPICE agent's protocol");
            }

            if (status == OperationStatus.Done)
            {
                if (message.Header.Type == MessageType.AnnounceCapabilities && CapabilitiesMessage.TryRead(message.Payload, out CapabilitiesMessage theirs))
                {
                    _shared = Ours & theirs.Capabilities;
                }

                return (message.Header.Type, message.Payload.ToArray());
            }

            int count = channel.Read(_input);
            _unread = count > 0 ? _input.AsMemory(0, count) : throw new IOException("the host closed its end");
        }
    }

    private void Send(MessageType type, ReadOnlySpan<byte> fields, ReadOnlySpan<byte> data)
    {
        ArrayBufferWriter<byte> chunks = new();
        AgentMessageWriter writer = new(type, fields, data);
        while (!writer.IsDone)
        {
            writer.WriteChunk(chunks);
        }

        channel.Write(chunks.WrittenSpan);
    }
}
