using System.Buffers;
using VmChannel.Wire.VdAgent;

namespace VmChannel.GuestTool.Clipboards;

/// <summary>The guest's side of the SPICE agent protocol, for one text in one direction. Blocking; one thread reads and writes.</summary>
internal sealed class AgentClient(Stream channel)
{
    /// <summary>What the host takes at most, too.</summary>
    public const int MaxTextBytes = 1024 * 1024;

    private const AgentCapabilities Pasting = AgentCapabilities.ClipboardByDemand | AgentCapabilities.ClipboardSelection;

    // Pushed, because this program is gone when somebody pastes.
    private const AgentCapabilities Copying = AgentCapabilities.Clipboard | AgentCapabilities.ClipboardSelection;

    private readonly AgentMessageReader _reader = new(MaxTextBytes + ClipboardRequest.MaxSize);
    private readonly byte[] _input = new byte[64 * 1024];
    private ReadOnlyMemory<byte> _unread;
    private AgentCapabilities _ours;
    private AgentCapabilities _shared;

    /// <summary>Gives the host a text.</summary>
    /// <exception cref="IOException">The host closed its end, or said what makes no sense.</exception>
    public void Copy(ReadOnlySpan<byte> text)
    {
        Announce(Copying);
        while (Next().Type != MessageType.AnnounceCapabilities)
        {
        }

        Span<byte> fields = stackalloc byte[AgentMessageWriter.MaxFieldBytes];
        ClipboardRequest data = new(ClipboardSelection.Clipboard, ClipboardType.Utf8Text);
        Send(MessageType.ClipboardData, fields[..data.Write(fields, _shared)], text);
    }

    /// <summary>Waits until the host has a text, and returns it.</summary>
    /// <exception cref="IOException">The host closed its end, or said what makes no sense.</exception>
    public byte[] Paste()
    {
        Announce(Pasting);
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

    private void Announce(AgentCapabilities capabilities)
    {
        Span<byte> fields = stackalloc byte[CapabilitiesMessage.Size];
        _ours = capabilities;
        new CapabilitiesMessage(IsRequest: true, capabilities).Write(fields);
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
                    _shared = _ours & theirs.Capabilities;
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
        AgentMessageWriter writer = new(type, fields, data.Length);
        while (!writer.IsDone)
        {
            writer.WriteChunk(chunks, ref data);
        }

        channel.Write(chunks.WrittenSpan);
    }
}
