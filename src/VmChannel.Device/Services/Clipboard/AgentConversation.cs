using System.Buffers.Binary;
using Microsoft.Extensions.Logging;
using VmChannel.Device.Loop;
using VmChannel.Wire.VdAgent;

namespace VmChannel.Device.Services.Clipboard;

/// <summary>What the agent of one guest and we told each other: who copied last, and what follows from it. Any thread.</summary>
/// <remarks>spice-protocol <c>vd_agent.h</c>. Capabilities go first; then who copies grabs, and who pastes requests.</remarks>
internal sealed class AgentConversation : IDisposable
{
    /// <summary>The longest of the messages that are not streamed and matter to us.</summary>
    public const int MaxPayloadBytes = 4096;

    private const AgentCapabilities Ours =
        AgentCapabilities.ClipboardByDemand | AgentCapabilities.ClipboardSelection | AgentCapabilities.ClipboardGrabSerial
        | AgentCapabilities.FileTransferDetailedErrors;

    private readonly SharedClipboard _clipboard;
    private readonly ILogger _log;
    private readonly LogLimit _limit;
    private readonly GrabSerials _serials = new();
    private readonly FetchQueue[] _fetches = [.. Enumerable.Range(0, SharedClipboard.Selections).Select(_ => new FetchQueue())];
    private AgentCapabilities _shared;
    private AgentCapabilities _theirs;
    private IncomingData? _incoming;
    private bool _isReady;
    private bool _pushes;

    public AgentConversation(SharedClipboard clipboard, ILogger log, LogLimit limit)
    {
        _clipboard = clipboard;
        _log = log;
        _limit = limit;
        Files = new(Outbox.Wake);
        Outbox.Announce(new(IsRequest: true, Ours));
        clipboard.Attach(this);
    }

    public AgentOutbox Outbox { get; } = new();

    /// <summary>Files on their way to the guest.</summary>
    public FileTransfers Files { get; }

    /// <summary>A whole message of the guest, or a piece of its data. Never waits.</summary>
    public void Receive(in AgentMessage message)
    {
        bool isFine = true;
        ClipboardSelection? changed = null;
        lock (_clipboard.Gate)
        {
            switch (message.Header.Type)
            {
                case MessageType type when message.IsSkipped:
                    Refuse(type, message.Header.PayloadBytes, MaxPayloadBytes);
                    break;
                case MessageType.AnnounceCapabilities:
                    isFine = OnCapabilities(message.Payload);
                    break;
                case MessageType.ClipboardGrab when _isReady:
                    isFine = OnGrab(message.Payload, out changed);
                    break;
                case MessageType.ClipboardRequest when _isReady:
                    isFine = OnRequest(message.Payload);
                    break;
                case MessageType.ClipboardRelease when _isReady:
                    isFine = OnRelease(message.Payload, out changed);
                    break;
                case MessageType.FileTransferStatus:
                    isFine = OnFileStatus(message.Payload);
                    break;
                case MessageType.ClipboardData when (_isReady || _pushes) && message.Offset == 0:
                    isFine = OnDataHead(message);
                    break;
                default:
                    // Pieces of data, replies, and whatever later agents send.
                    break;
            }
        }

        if (message.Header.Type == MessageType.ClipboardData)
        {
            isFine &= OnData(message, ref changed);
        }

        if (changed is ClipboardSelection selection)
        {
            // Outside the lock, which the loop thread takes too: who listens may write to a disk.
            _clipboard.Tell(selection);
        }

        if (!isFine && _limit.Pass(out long held))
        {
            _log.MessageIgnored(message.Header.Type, message.Header.PayloadBytes, held);
        }
    }

    /// <summary>The next message for the guest. False when there is none.</summary>
    public bool TryTake(out OutgoingMessage message)
    {
        lock (_clipboard.Gate)
        {
            while (Outbox.TryTake(out MessageType next, out CapabilitiesMessage announcement, out ClipboardRequest about))
            {
                byte[] fields = new byte[AgentMessageWriter.MaxFieldBytes];
                int count = 0;
                ClipboardContent? data = null;
                switch (next)
                {
                    case MessageType.AnnounceCapabilities:
                        announcement.Write(fields);
                        count = CapabilitiesMessage.Size;
                        break;
                    case MessageType.MaxClipboard:
                        BinaryPrimitives.WriteInt32LittleEndian(fields, _clipboard.Policy.MaxBytes);
                        count = sizeof(int);
                        break;
                    case MessageType.ClipboardGrab when _clipboard.HostContent(about.Selection) is ClipboardContent offered:
                        count = new ClipboardGrab(about.Selection, _serials.Take(about.Selection), offered.Type.Only()).Write(fields, _shared);
                        break;
                    case MessageType.ClipboardRelease:
                        count = new ClipboardRelease(about.Selection).Write(fields, _shared);
                        break;
                    case MessageType.ClipboardRequest when TakeFetch(about.Selection) is GuestFetch fetch:
                        count = new ClipboardRequest(about.Selection, fetch.Type).Write(fields, _shared);
                        break;
                    case MessageType.ClipboardData:
                        data = FindData(about);
                        count = (about with { Type = data?.Type ?? ClipboardType.None }).Write(fields, _shared);
                        break;
                    default:
                        // What was to be offered or asked for is out of date.
                        continue;
                }

                message = new(next, fields.AsMemory(0, count), data);
                return true;
            }
        }

        return Files.TryTake(out message);
    }

    /// <summary>Why the guest gets no files; null when it may. Under the clipboard's gate.</summary>
    public string? FileRefusal => !_isReady ? "the guest's agent has not said yet what it can" : _theirs.HasFlag(AgentCapabilities.FileTransferDisabled)
        ? "the guest's agent takes no files" : null;

    /// <summary>The host copied. Under the clipboard's gate, as the two that follow.</summary>
    public void OnHostGrab(ClipboardSelection selection) => Offer(selection, MessageType.ClipboardGrab);

    public void OnHostRelease(ClipboardSelection selection) => Offer(selection, MessageType.ClipboardRelease);

    public void Fetch(ClipboardSelection selection, GuestFetch fetch)
    {
        FetchQueue queue = _fetches[(int)selection];
        queue.Add(fetch);
        AskNext(selection);
    }

    public void Dispose()
    {
        _clipboard.Detach(this);
        lock (_clipboard.Gate)
        {
            _isReady = false;
            foreach (FetchQueue queue in _fetches)
            {
                queue.FailAll("the guest's agent has gone");
            }
        }

        Files.FailAll("the guest's agent has gone", isOver: true);

        _incoming?.Dispose();
        Outbox.Dispose();
    }

    private bool Knows(ClipboardSelection selection)
        => GrabSerials.Has(selection) && (selection == ClipboardSelection.Clipboard || _shared.HasFlag(AgentCapabilities.ClipboardSelection));

    private void Offer(ClipboardSelection selection, MessageType offer)
    {
        if (_isReady && Knows(selection))
        {
            Outbox.Offer(selection, offer);
        }
    }

    private void AskNext(ClipboardSelection selection)
    {
        if (_fetches[(int)selection].MayAsk)
        {
            Outbox.Request(selection);
        }
    }

    private GuestFetch? TakeFetch(ClipboardSelection selection)
    {
        ClipboardState state = _clipboard.State(selection);
        return _fetches[(int)selection].TakeNext(state.Owner == ClipboardOwner.Guest ? state.Types : ClipboardTypes.None);
    }

    private ClipboardContent? FindData(ClipboardRequest asked)
        => Knows(asked.Selection) && _clipboard.HostContent(asked.Selection) is ClipboardContent content && content.Type == asked.Type ? content.Hold() : null;

    private bool OnCapabilities(ReadOnlySpan<byte> payload)
    {
        if (!CapabilitiesMessage.TryRead(payload, out CapabilitiesMessage theirs))
        {
            return false;
        }

        _theirs = theirs.Capabilities;
        _shared = theirs.Capabilities & Ours;
        bool wasReady = _isReady && !theirs.IsRequest;
        _isReady = _shared.HasFlag(AgentCapabilities.ClipboardByDemand);

        // The protocol's old way, which stock agents left behind: right for a program that copies once and goes.
        _pushes = theirs.Capabilities.HasFlag(AgentCapabilities.Clipboard);
        if (theirs.IsRequest)
        {
            // Whatever the agent was asked for before it began anew, it knows nothing of.
            foreach (FetchQueue queue in _fetches)
            {
                queue.FailAll("the guest's agent has begun anew");
            }

            Files.FailAll("the guest's agent has begun anew", isOver: false);
            _serials.Reset();
            if (!Outbox.Announce(new(IsRequest: false, Ours)))
            {
                return false;
            }
        }
        else
        {
            _serials.Settle();
        }

        if (_isReady && !wasReady && theirs.Capabilities.HasFlag(AgentCapabilities.MaxClipboard))
        {
            Outbox.SendLimit();
        }

        for (ClipboardSelection selection = 0; _isReady && !wasReady && GrabSerials.Has(selection); selection++)
        {
            if (_clipboard.HostContent(selection) is not null)
            {
                OnHostGrab(selection);
            }
        }

        return true;
    }

    private bool OnGrab(ReadOnlySpan<byte> payload, out ClipboardSelection? changed)
    {
        changed = null;
        if (!ClipboardGrab.TryRead(payload, _shared, out ClipboardGrab grab) || !Knows(grab.Selection))
        {
            return false;
        }

        if (_shared.HasFlag(AgentCapabilities.ClipboardGrabSerial) && !_serials.TryAccept(grab.Selection, grab.Serial))
        {
            return true;
        }

        Outbox.ForgetOffer(grab.Selection);
        _fetches[(int)grab.Selection].ForgetUnwanted();
        _clipboard.SetGuest(grab.Selection, grab.Types, isThere: true);
        AskNext(grab.Selection);
        changed = grab.Selection;
        return true;
    }

    private bool OnRelease(ReadOnlySpan<byte> payload, out ClipboardSelection? changed)
    {
        changed = null;
        if (!ClipboardRelease.TryRead(payload, _shared, out ClipboardRelease release) || !Knows(release.Selection))
        {
            return false;
        }

        // A release that crosses our grab is about what the guest had before.
        if (_clipboard.State(release.Selection).Owner == ClipboardOwner.Guest)
        {
            _clipboard.SetGuest(release.Selection, ClipboardTypes.None, isThere: false);
            _fetches[(int)release.Selection].FailWaiting("the guest has it no more");
            changed = release.Selection;
        }

        return true;
    }

    private bool OnFileStatus(ReadOnlySpan<byte> payload)
    {
        bool isRead = FileTransferStatus.TryRead(payload, out FileTransferStatus status);
        if (isRead)
        {
            Files.On(status);
        }

        return isRead;
    }

    private bool OnRequest(ReadOnlySpan<byte> payload)
        => ClipboardRequest.TryTake(ref payload, _shared, out ClipboardRequest request) && Outbox.Answer(request);

    private bool OnDataHead(in AgentMessage message)
    {
        ReadOnlySpan<byte> rest = message.Payload;
        if (!ClipboardRequest.TryTake(ref rest, _shared, out ClipboardRequest head) || !Knows(head.Selection))
        {
            return false;
        }

        int maxBytes = _clipboard.Policy.MaxBytes;
        _incoming = new(head, _fetches[(int)head.Selection].TakeAsked(), _pushes ? content => _clipboard.SetPushed(head.Selection, content) : null, maxBytes);
        if (message.Header.PayloadBytes - (uint)(message.Payload.Length - rest.Length) > (uint)maxBytes)
        {
            _incoming.Refuse();
            Refuse(MessageType.ClipboardData, message.Header.PayloadBytes, maxBytes);
        }

        // Without a selection in front, the first piece already has some of the data.
        _incoming.Append(rest);
        AskNext(head.Selection);
        return true;
    }

    private bool OnData(in AgentMessage message, ref ClipboardSelection? changed)
    {
        if (_incoming is null)
        {
            return true;
        }

        if (message.Offset > 0)
        {
            _incoming.Append(message.Payload);
        }

        if (!message.IsLast)
        {
            return true;
        }

        int? bytes = _incoming.Finish();
        if (bytes > 0)
        {
            _log.GuestData(bytes.Value, ClipboardWords.Of(_incoming.Type), ClipboardWords.Of(_incoming.Selection));
            changed = _incoming.IsPushed ? _incoming.Selection : null;
        }

        _incoming.Dispose();
        _incoming = null;
        return bytes is not null;
    }

    private void Refuse(MessageType type, uint payloadBytes, int maxBytes)
    {
        if (_limit.Pass(out long held))
        {
            _log.MessageRefused(type, payloadBytes, maxBytes, held);
        }
    }
}
