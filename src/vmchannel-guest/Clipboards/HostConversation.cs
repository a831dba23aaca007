using System.Buffers.Binary;
using VmChannel.Desktop;
using VmChannel.Wire.VdAgent;

namespace VmChannel.GuestTool.Clipboards;

/// <summary>The guest's side of the SPICE agent protocol, between one host end and the desktop. Any thread.</summary>
/// <remarks>
/// spice-protocol <c>vd_agent.h</c>. Nothing is transferred before somebody pastes: who copies grabs, and who pastes requests. A loop cannot
/// be: what we offer to the desktop is ours in its eyes, and it tells of others' alone.
/// </remarks>
internal sealed class HostConversation : IDisposable
{
    /// <summary>The longest of the messages that are not streamed and matter to us: a piece of a file, of which viewers make 64 KiB.</summary>
    public const int MaxPayloadBytes = 128 * 1024;

    private const AgentCapabilities Ours = AgentCapabilities.ClipboardByDemand | AgentCapabilities.ClipboardSelection
        | AgentCapabilities.ClipboardGrabSerial | AgentCapabilities.MaxClipboard | AgentCapabilities.GuestLineEndLf
        | AgentCapabilities.ClipboardNoReleaseOnRegrab;

    /// <summary>Messages that may wait to be sent, and questions of the host that may be under way.</summary>
    private const int MaxMessages = 64;
    private const int MaxAnswers = 4;

    /// <summary>Of the host, when somebody pastes what it has.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(30);

    private readonly IDesktopClipboard _desktop;
    private readonly int _maxBytes;
    private readonly FileInbox? _files;
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _filled = new(0);
    private readonly Queue<HostMessage> _messages = new();
    private readonly HostSelection[] _selections = [new(ClipboardSelection.Clipboard), new(ClipboardSelection.Primary)];
    private AgentCapabilities _shared;
    private IncomingValue? _incoming;
    private ClipboardSelection _incomingSelection;
    private int _hostMaxBytes = int.MaxValue;
    private int _answers;
    private bool _isReady;
    private bool _isOver;

    /// <param name="desktop">Whose clipboard it is.</param>
    /// <param name="maxBytes">The longest that may pass.</param>
    /// <param name="files">Where files of the host go; null = nowhere.</param>
    public HostConversation(IDesktopClipboard desktop, int maxBytes, FileInbox? files)
    {
        _files = files;
        _desktop = desktop;
        _maxBytes = maxBytes;
        Announce(isRequest: true);
        desktop.Copied += OnCopied;
    }

    /// <summary>Waits until there may be something to send.</summary>
    public Task WaitAsync(CancellationToken cancellation) => _filled.WaitAsync(cancellation);

    /// <summary>The next message for the host; null when there is none.</summary>
    public HostMessage? Take()
    {
        lock (_gate)
        {
            if (_messages.TryPeek(out HostMessage? announcement) && announcement.Type == MessageType.AnnounceCapabilities)
            {
                return _messages.Dequeue();
            }

            foreach (HostSelection selection in _selections.Where(known => _isReady && known.IsNews))
            {
                selection.IsNews = false;
                ClipboardTypes types = _desktop.TypesOf(selection.Name) & ClipboardTypes.Data;
                bool wasTold = selection.IsTold;
                selection.IsTold = types != ClipboardTypes.None;
                if (wasTold || selection.IsTold)
                {
                    return selection.IsTold ? Grab(selection, types) : Release(selection);
                }
            }

            return _messages.TryDequeue(out HostMessage? next) ? next : null;
        }
    }

    /// <summary>A whole message of the host, or a piece of its data. Waits for the disk, when it is a file's. One thread.</summary>
    public void Receive(in AgentMessage message)
    {
        if (message.Header.Type is MessageType.FileTransferStart or MessageType.FileTransferData or MessageType.FileTransferStatus)
        {
            OnFile(message.Header.Type, message.Payload);
            return;
        }

        lock (_gate)
        {
            switch (message.Header.Type)
            {
                case MessageType when message.IsSkipped:
                    break;
                case MessageType.AnnounceCapabilities:
                    OnCapabilities(message.Payload);
                    break;
                case MessageType.MaxClipboard when message.Payload.Length >= sizeof(int):
                    int limit = BinaryPrimitives.ReadInt32LittleEndian(message.Payload);
                    _hostMaxBytes = limit < 0 ? int.MaxValue : limit;
                    break;
                case MessageType.ClipboardGrab when _isReady:
                    OnGrab(message.Payload);
                    break;
                case MessageType.ClipboardRequest when _isReady:
                    OnRequest(message.Payload);
                    break;
                case MessageType.ClipboardRelease when _isReady:
                    OnRelease(message.Payload);
                    break;
                case MessageType.ClipboardData when _isReady:
                    OnData(message);
                    break;
                default:
                    // The mouse, monitors, and whatever else a viewer tells.
                    break;
            }
        }
    }

    /// <summary>The host has gone, and with it what it had copied.</summary>
    public void Dispose()
    {
        _desktop.Copied -= OnCopied;
        lock (_gate)
        {
            _isOver = true;
            _isReady = false;
            foreach (HostSelection selection in _selections)
            {
                selection.FailAll();
                if (selection.IsHosts)
                {
                    _desktop.Withdraw(selection.Name);
                }
            }

            _incoming?.End(null);
            _filled.Dispose();
        }

        _files?.Dispose();
    }

    private void OnCopied(ClipboardSelection name)
    {
        lock (_gate)
        {
            HostSelection selection = _selections[(int)name];
            if (selection.IsHosts && _desktop.TypesOf(name) == ClipboardTypes.None)
            {
                return; // the host has copied since
            }

            selection.IsHosts = false;
            selection.IsNews = true;
            Signal();
        }
    }

    private void OnCapabilities(ReadOnlySpan<byte> payload)
    {
        if (!CapabilitiesMessage.TryRead(payload, out CapabilitiesMessage theirs))
        {
            return;
        }

        bool wasReady = _isReady && !theirs.IsRequest;
        _shared = theirs.Capabilities & Ours;
        _isReady = _shared.HasFlag(AgentCapabilities.ClipboardByDemand);
        if (theirs.IsRequest)
        {
            foreach (HostSelection selection in _selections)
            {
                selection.FailAll();
                selection.Order = new();
            }

            Announce(isRequest: false);
        }

        foreach (HostSelection selection in _selections.Where(known => _isReady && !wasReady && !known.IsHosts))
        {
            selection.IsNews = true;
            Signal();
        }
    }

    private void OnGrab(ReadOnlySpan<byte> payload)
    {
        if (!ClipboardGrab.TryRead(payload, _shared, out ClipboardGrab grab) || Find(grab.Selection) is not HostSelection selection
            || (_shared.HasFlag(AgentCapabilities.ClipboardGrabSerial) && !selection.Order.TryAccept(grab.Serial)))
        {
            return;
        }

        ClipboardTypes types = grab.Types & ClipboardTypes.Data;
        selection.FailWaiting();
        selection.IsNews = false;
        selection.IsTold = false;
        selection.IsHosts = types != ClipboardTypes.None;
        if (selection.IsHosts)
        {
            // Under our lock, so that no news of the desktop comes between the two.
            _desktop.Offer(selection.Name, types, type => FetchAsync(selection, type));
        }
        else
        {
            _desktop.Withdraw(selection.Name);
        }
    }

    private void OnRelease(ReadOnlySpan<byte> payload)
    {
        if (ClipboardRelease.TryRead(payload, _shared, out ClipboardRelease release) && Find(release.Selection) is { IsHosts: true } selection)
        {
            selection.IsHosts = false;
            selection.FailWaiting();
            _desktop.Withdraw(selection.Name);
        }
    }

    private void OnRequest(ReadOnlySpan<byte> payload)
    {
        if (!ClipboardRequest.TryTake(ref payload, _shared, out ClipboardRequest request))
        {
            return;
        }

        if (Find(request.Selection) is null || _answers == MaxAnswers)
        {
            Send(MessageType.ClipboardData, request with { Type = ClipboardType.None }, []);
            return;
        }

        _answers++;
        _ = AnswerAsync(request, Math.Min(_maxBytes, _hostMaxBytes));
    }

    private async Task AnswerAsync(ClipboardRequest request, int maxBytes)
    {
        byte[]? value = await _desktop.ReadAsync(request.Selection, request.Type, maxBytes).ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        lock (_gate)
        {
            _answers--;
            Send(MessageType.ClipboardData, value is null ? request with { Type = ClipboardType.None } : request, value ?? []);
        }
    }

    /// <summary>A program of the desktop pastes what the host copied.</summary>
    private async Task<byte[]?> FetchAsync(HostSelection selection, ClipboardType type)
    {
        IncomingValue value = new(_maxBytes);
        lock (_gate)
        {
            if (!_isReady || !selection.IsHosts || !selection.TryWait(type, value))
            {
                return null;
            }

            AskNext(selection);
        }

        return await value.WaitAsync(Silence);
    }

    private void AskNext(HostSelection selection)
    {
        if (selection.AskNext() is not ClipboardType.None and ClipboardType type)
        {
            Send(MessageType.ClipboardRequest, new(selection.Name, type), []);
        }
    }

    private void OnData(in AgentMessage message)
    {
        ReadOnlySpan<byte> bytes = message.Payload;
        if (message.Offset == 0)
        {
            _incoming = ClipboardRequest.TryTake(ref bytes, _shared, out ClipboardRequest head) && Find(head.Selection) is HostSelection answered
                ? answered.TakeAsked()
                : null;
            _incomingSelection = head.Selection;
            if (head.Type == ClipboardType.None)
            {
                _incoming?.End(null);
            }
        }

        if (_incoming is null)
        {
            return;
        }

        if (!_incoming.TryAppend(bytes))
        {
            _incoming.End(null);
        }

        if (message.IsLast)
        {
            _incoming.End(_incoming.Bytes > 0 ? _incoming.Value() : null);
            _incoming = null;
            AskNext(_selections[(int)_incomingSelection]);
        }
    }

    /// <summary>Outside the lock: a slow disk makes the host wait, and nobody else.</summary>
    private void OnFile(MessageType type, ReadOnlySpan<byte> payload)
    {
        uint id = 0;
        FileTransferResult? answer = null;
        if (type == MessageType.FileTransferStart && payload.Length >= sizeof(uint))
        {
            id = BinaryPrimitives.ReadUInt32LittleEndian(payload);
            answer = _files is null ? FileTransferResult.Disabled
                : FileTransferStart.TryRead(payload, out FileTransferStart start) ? _files.Begin(start)
                : FileTransferResult.Error;
        }
        else if (type == MessageType.FileTransferData && FileTransferData.TryTake(ref payload, out FileTransferData head))
        {
            id = head.Id;
            answer = _files?.Append(id, payload);
        }
        else if (type == MessageType.FileTransferStatus && FileTransferStatus.TryRead(payload, out FileTransferStatus status))
        {
            _files?.Drop(status.Id);
        }

        if (answer is FileTransferResult result)
        {
            lock (_gate)
            {
                Enqueue(new(MessageType.FileTransferStatus, new FileTransferStatus(id, result).ToBytes(), []));
            }
        }
    }

    /// <summary>Null for one that a desktop does not have, or that is not the only one of a host that names none.</summary>
    private HostSelection? Find(ClipboardSelection name)
        => (int)name < _selections.Length && (name == ClipboardSelection.Clipboard || _shared.HasFlag(AgentCapabilities.ClipboardSelection))
            ? _selections[(int)name]
            : null;

    private HostMessage Grab(HostSelection selection, ClipboardTypes types)
    {
        byte[] fields = new byte[ClipboardGrab.MaxSize];
        return new(MessageType.ClipboardGrab, fields[..new ClipboardGrab(selection.Name, selection.Order.Take(), types).Write(fields, _shared)], []);
    }

    private HostMessage Release(HostSelection selection)
    {
        byte[] fields = new byte[ClipboardPrefix.Size];
        return new(MessageType.ClipboardRelease, fields[..new ClipboardRelease(selection.Name).Write(fields, _shared)], []);
    }

    private void Announce(bool isRequest)
    {
        byte[] fields = new byte[CapabilitiesMessage.Size];
        AgentCapabilities files = _files is null ? AgentCapabilities.FileTransferDisabled : AgentCapabilities.FileTransferDetailedErrors;
        new CapabilitiesMessage(isRequest, Ours | files).Write(fields);
        Enqueue(new(MessageType.AnnounceCapabilities, fields, []));
    }

    private void Send(MessageType type, ClipboardRequest about, byte[] data)
    {
        byte[] fields = new byte[ClipboardRequest.MaxSize];
        Enqueue(new(type, fields[..about.Write(fields, _shared)], data));
    }

    private void Enqueue(HostMessage message)
    {
        if (_messages.Count < MaxMessages)
        {
            _messages.Enqueue(message);
            Signal();
        }
    }

    private void Signal()
    {
        if (!_isOver && _filled.CurrentCount == 0)
        {
            _ = _filled.Release();
        }
    }
}
