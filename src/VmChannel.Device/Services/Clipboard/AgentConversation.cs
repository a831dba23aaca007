using System.Buffers.Binary;
using System.Text.Unicode;
using Microsoft.Extensions.Logging;
using VmChannel.Device.Loop;
using VmChannel.Wire.VdAgent;

namespace VmChannel.Device.Services.Clipboard;

/// <summary>What the agent of one guest and we told each other: who copied last, and what follows from it. Any thread.</summary>
/// <remarks>spice-protocol <c>vd_agent.h</c>. Capabilities go first; then who copies grabs, and who pastes requests.</remarks>
internal sealed class AgentConversation : IDisposable
{
    /// <summary>Message bytes read from a guest: the longest text with what precedes it.</summary>
    public const int MaxPayloadBytes = TextClipboard.MaxTextBytes + ClipboardRequest.MaxSize;

    private const AgentCapabilities Ours =
        AgentCapabilities.ClipboardByDemand | AgentCapabilities.ClipboardSelection | AgentCapabilities.ClipboardGrabSerial;

    private readonly TextClipboard _clipboard;
    private readonly ILogger _log;
    private readonly LogLimit _limit;
    private readonly Lock _lock = new();
    private readonly GrabSerials _serials = new();
    private AgentCapabilities _shared;
    private bool _isReady;
    private bool _hostOwns;
    private bool _awaitsText;
    private byte[]? _received;

    public AgentConversation(TextClipboard clipboard, ILogger log, LogLimit limit)
    {
        _clipboard = clipboard;
        _log = log;
        _limit = limit;
        Outbox.Announce(new(IsRequest: true, Ours));
        clipboard.HostTextChanged += OnHostText;
    }

    public AgentOutbox Outbox { get; } = new();

    /// <summary>A whole message of the guest. Never waits.</summary>
    public void Receive(in AgentMessage message)
    {
        bool isFine = true;
        byte[]? text;
        lock (_lock)
        {
            switch (message.Header.Type)
            {
                case MessageType type when message.IsSkipped:
                    OnSkipped(type, message.Header.PayloadBytes);
                    break;
                case MessageType.AnnounceCapabilities:
                    isFine = OnCapabilities(message.Payload);
                    break;
                case MessageType.ClipboardGrab when _isReady:
                    isFine = OnGrab(message.Payload);
                    break;
                case MessageType.ClipboardRequest when _isReady:
                    isFine = OnRequest(message.Payload);
                    break;
                case MessageType.ClipboardData when _isReady:
                    isFine = OnData(message.Payload);
                    break;
                default:
                    // Replies, release (what the host side has stays readable), and whatever later agents send.
                    break;
            }

            (text, _received) = (_received, null);
        }

        if (text is not null)
        {
            // Outside the lock, which the loop thread takes too: who listens may write to a disk.
            _log.GuestText(text.Length);
            _clipboard.SetGuestText(text);
        }

        if (!isFine && _limit.Pass(out long held))
        {
            _log.MessageIgnored(message.Header.Type, message.Header.PayloadBytes, held);
        }
    }

    /// <summary>The next message for the guest. False when there is none.</summary>
    public bool TryTake(out OutgoingMessage message)
    {
        lock (_lock)
        {
            while (Outbox.TryTake(out MessageType next, out CapabilitiesMessage announcement, out ClipboardRequest answer))
            {
                byte[] fields = new byte[AgentMessageWriter.MaxFieldBytes];
                switch (next)
                {
                    case MessageType.AnnounceCapabilities:
                        announcement.Write(fields);
                        message = new(next, fields.AsMemory(0, CapabilitiesMessage.Size), default);
                        return true;
                    case MessageType.MaxClipboard:
                        BinaryPrimitives.WriteInt32LittleEndian(fields, TextClipboard.MaxTextBytes);
                        message = new(next, fields.AsMemory(0, sizeof(int)), default);
                        return true;
                    case MessageType.ClipboardGrab:
                        ClipboardGrab grab = new(ClipboardSelection.Clipboard, _serials.Take(0), HasText: true);
                        _hostOwns = true;
                        _awaitsText = false;
                        message = new(next, fields.AsMemory(0, grab.Write(fields, _shared)), default);
                        return true;
                    case MessageType.ClipboardRequest when _awaitsText:
                        ClipboardRequest request = new(ClipboardSelection.Clipboard, ClipboardType.Utf8Text);
                        message = new(next, fields.AsMemory(0, request.Write(fields, _shared)), default);
                        return true;
                    case MessageType.ClipboardData:
                        byte[]? text = Owns(answer) ? _clipboard.HostText : null;
                        ClipboardRequest head = answer with { Type = text is null ? ClipboardType.None : ClipboardType.Utf8Text };
                        message = new(next, fields.AsMemory(0, head.Write(fields, _shared)), text);
                        return true;
                    default:
                        // A request for text that the guest no longer has.
                        break;
                }
            }
        }

        message = default;
        return false;
    }

    public void Dispose()
    {
        _clipboard.HostTextChanged -= OnHostText;
        lock (_lock)
        {
            // A change of the host's text on its way here finds nobody to tell.
            _isReady = false;
            Outbox.Dispose();
        }
    }

    private bool Owns(ClipboardRequest asked) => _hostOwns && asked is { Selection: 0, Type: ClipboardType.Utf8Text };

    private void OnHostText()
    {
        lock (_lock)
        {
            if (_isReady)
            {
                Outbox.Grab();
            }
        }
    }

    private bool OnCapabilities(ReadOnlySpan<byte> payload)
    {
        if (!CapabilitiesMessage.TryRead(payload, out CapabilitiesMessage theirs))
        {
            return false;
        }

        _shared = theirs.Capabilities & Ours;
        bool wasReady = _isReady && !theirs.IsRequest;
        _isReady = _shared.HasFlag(AgentCapabilities.ClipboardByDemand);
        if (theirs.IsRequest)
        {
            _serials.Reset();
            if (!Outbox.Announce(new(IsRequest: false, Ours)))
            {
                return false;
            }
        }

        if (_isReady && !wasReady && theirs.Capabilities.HasFlag(AgentCapabilities.MaxClipboard))
        {
            Outbox.SendLimit();
        }

        if (_isReady && !wasReady && _clipboard.HostText is not null)
        {
            Outbox.Grab();
        }

        return true;
    }

    private bool OnGrab(ReadOnlySpan<byte> payload)
    {
        if (!ClipboardGrab.TryRead(payload, _shared, out ClipboardGrab grab) || !GrabSerials.Has(grab.Selection))
        {
            return false;
        }

        if (_shared.HasFlag(AgentCapabilities.ClipboardGrabSerial) && !_serials.TryAccept(grab.Selection, grab.Serial))
        {
            return true;
        }

        if (grab.Selection == ClipboardSelection.Clipboard)
        {
            _hostOwns = false;
            _awaitsText = grab.HasText;
            Outbox.ForgetGrab();
            if (grab.HasText)
            {
                Outbox.Request();
            }
        }

        return true;
    }

    private bool OnRequest(ReadOnlySpan<byte> payload)
        => ClipboardRequest.TryTake(ref payload, _shared, out ClipboardRequest request) && Outbox.Answer(request);

    private bool OnData(ReadOnlySpan<byte> payload)
    {
        if (!ClipboardRequest.TryTake(ref payload, _shared, out ClipboardRequest data)
            || !_awaitsText
            || data.Selection != ClipboardSelection.Clipboard)
        {
            return false;
        }

        _awaitsText = false;
        ReadOnlySpan<byte> text = payload.TrimEnd((byte)0);
        if (data.Type != ClipboardType.Utf8Text || text.Length > TextClipboard.MaxTextBytes || !Utf8.IsValid(text))
        {
            return false;
        }

        if (text.IsEmpty)
        {
            // What an agent answers that knows our limit and has more, or has lost the text meanwhile.
            _log.NoGuestText(TextClipboard.MaxTextBytes);
            return true;
        }

        _received = text.ToArray();
        return true;
    }

    private void OnSkipped(MessageType type, uint payloadBytes)
    {
        _awaitsText &= type != MessageType.ClipboardData;
        if (_limit.Pass(out long held))
        {
            _log.MessageRefused(type, payloadBytes, MaxPayloadBytes, held);
        }
    }
}
