using System.Buffers;
using System.Buffers.Binary;
using Microsoft.Extensions.Logging;
using VmChannel.Device.Events;
using VmChannel.Device.Loop;
using VmChannel.Device.VirtioSerial;
using VmChannel.Native;
using VmChannel.Wire.VhostUser;
using VmChannel.Wire.Virtio;

namespace VmChannel.Device.VhostUser;

/// <summary>The conversation with one front-end, on the loop thread: it never waits, and every answer is immediate.</summary>
/// <remarks>
/// QEMU asks from its main loop without a timeout, so a slow answer would freeze the VM. A message that makes no sense does
/// nothing and is answered with a failure; only a stream that cannot be followed ends the connection.
/// </remarks>
internal sealed partial class VhostUserSession : Runnable, IReadiness, IDisposable
{
    private const int MessagesPerTurn = 64;

    private readonly DeviceLoop _loop;
    private readonly VhostUserConnection _connection;
    private readonly VhostUserBackend _backend;
    private readonly Action<VhostUserSession> _ended;
    private readonly ILogger _log;
    private readonly LogLimit _limit = new();
    private readonly VirtioSerialDevice _device;
    private readonly DeviceRecord _record;
    private readonly FrontEndSignature _signature;
    private FrontEndState _state;
    private Registration? _watch;
    private bool _hasNews;

    public VhostUserSession(
        DeviceLoop loop, VirtioSerialDevice device, FileDescriptor socket, bool offersInBand, Action<VhostUserSession> ended, ILogger log)
    {
        _loop = loop;
        _connection = new VhostUserConnection(socket);
        _backend = new VhostUserBackend(loop, device, offersInBand);
        _ended = ended;
        _log = log;
        _device = device;
        _record = device.Record;
        Peer = PeerProcess.At(socket);
        _signature = new FrontEndSignature(Peer.Name);
        _state = new FrontEndState { Pid = Peer.Pid, Name = Peer.Name, Kind = _signature.Kind, ConnectedSince = DateTimeOffset.UtcNow };
        device.ForgetFeatures();
        device.SparesKicks = _signature.Kind != FrontEndKind.Uml;
    }

    /// <summary>Who the front-end is.</summary>
    public PeerProcess Peer { get; }

    public void Start()
    {
        _ = _connection.Socket.SetNonBlocking(true);
        _ = _loop.Add(_connection.Socket, EpollEvents.In | EpollEvents.ReadHangUp, this, out _watch).OrThrow("watch the front-end's socket");
        _record.Counters.FrontEnds++;
        _record.Tell(DeviceEventKind.FrontEndConnected, Peer.ToString());
        Publish();
    }

    public void OnReady(EpollEvents events) => _loop.Schedule(this);

    public void Dispose()
    {
        _watch?.Dispose();
        _watch = null;
        _backend.Dispose();
        _connection.Dispose();
    }

    /// <summary>Looks at the socket now, as if it had been reported ready.</summary>
    public void Poll()
    {
        if (Run())
        {
            _loop.Schedule(this);
        }
    }

    protected internal override bool Run()
    {
        bool more = TakeMessages();
        if (_hasNews && _watch is not null)
        {
            Publish();
        }

        return more;
    }

    /// <summary>Once per turn, not per message: a front-end that starts a guest says hundreds of things.</summary>
    private void Publish()
    {
        _hasNews = false;
        _record.SetFrontEnd(_backend.Describe(_state));
    }

    private bool TakeMessages()
    {
        for (int i = 0; i < MessagesPerTurn && _watch is not null; i++)
        {
            switch (_connection.TryReceive(out string reason))
            {
                case OperationStatus.NeedMoreData:
                    return false;
                case OperationStatus.Done:
                    Handle();
                    break;
                default:
                    End(reason);
                    return false;
            }
        }

        return _watch is not null;
    }

    private void Handle()
    {
        VhostUserRequest request = (VhostUserRequest)_connection.Header.Request;
        LogMessage(request, _connection.Header.PayloadBytes, _connection.DescriptorCount);
        _hasNews = true;
        if (_signature.Note(request, _connection.Header.NeedsReply, _backend.HasAgreed ? _backend.ProtocolFeatures : null))
        {
            _state = _state with { Kind = _signature.Kind };
            _device.SparesKicks = _signature.Kind != FrontEndKind.Uml;
        }

        MessageOutcome outcome = Dispatch(request, _connection.Payload);
        if (outcome.Kind == MessageOutcomeKind.Fatal)
        {
            End($"{request}: {outcome.Reason}");
            return;
        }

        if (outcome.Kind == MessageOutcomeKind.Refused)
        {
            OnRefused(request, outcome.Reason!);
        }

        // UML asks for an answer in the very message that agrees on answers, so this looks after handling it.
        if (outcome.Kind != MessageOutcomeKind.Replied
            && _connection.Header.NeedsReply
            && _backend.ProtocolFeatures.HasFlag(ProtocolFeatures.ReplyAck)
            && !Reply(outcome.Kind == MessageOutcomeKind.Accepted ? 0UL : 1UL))
        {
            End("the front-end does not read its replies");
        }
    }

    private MessageOutcome Dispatch(VhostUserRequest request, ReadOnlySpan<byte> payload)
    {
        switch (request)
        {
            case VhostUserRequest.GetFeatures:
                return MessageOutcome.Replied(Reply(VhostUserBackend.OfferedFeatures));
            case VhostUserRequest.GetProtocolFeatures:
                return MessageOutcome.Replied(Reply((ulong)_backend.OfferedProtocolFeatures));
            case VhostUserRequest.GetQueueNum:
                return MessageOutcome.Replied(Reply((ulong)_backend.QueueCount));
            case VhostUserRequest.GetMaxMemSlots:
                return MessageOutcome.Replied(Reply(GuestMemory.MaxRegions));
            case VhostUserRequest.GetStatus:
                return MessageOutcome.Replied(Reply((ulong)_backend.GetStatus()));
            case VhostUserRequest.GetVringBase:
                return GetPosition(payload);
            case VhostUserRequest.GetConfig:
                return GetConfig(payload);
            case VhostUserRequest.SetConfig:
                return SetConfig(payload);
            case VhostUserRequest.SetOwner:
            case VhostUserRequest.ResetOwner:
                return MessageOutcome.Accepted;
            case VhostUserRequest.ResetDevice:
                _backend.ResetDevice();
                return MessageOutcome.Accepted;
            case VhostUserRequest.SetMemTable:
                return _backend.SetMemoryTable(payload, _connection);
            case VhostUserRequest.AddMemReg:
                return _backend.AddMemoryRegion(payload, _connection);
            case VhostUserRequest.RemMemReg:
                return _backend.RemoveMemoryRegion(payload);
            case VhostUserRequest.SetBackendReqFd:
                return SetBackendRequests();
            case VhostUserRequest.SetFeatures:
            case VhostUserRequest.SetProtocolFeatures:
            case VhostUserRequest.SetStatus:
                return DispatchValue(request, payload);
            case VhostUserRequest.SetVringKick:
            case VhostUserRequest.SetVringCall:
            case VhostUserRequest.SetVringErr:
                return DispatchDescriptor(request, payload);
            default:
                return DispatchRing(request, payload);
        }
    }

    private MessageOutcome DispatchValue(VhostUserRequest request, ReadOnlySpan<byte> payload)
    {
        if (!BinaryPrimitives.TryReadUInt64LittleEndian(payload, out ulong value))
        {
            return TooShort(payload);
        }

        switch (request)
        {
            case VhostUserRequest.SetFeatures:
                return _backend.SetFeatures(value);
            case VhostUserRequest.SetProtocolFeatures:
                return _backend.SetProtocolFeatures(value, _connection.Header.NeedsReply);
            default:
                _backend.SetStatus(unchecked((DeviceStatus)(byte)value));
                return MessageOutcome.Accepted;
        }
    }

    private MessageOutcome DispatchDescriptor(VhostUserRequest request, ReadOnlySpan<byte> payload)
    {
        if (!VringDescriptor.TryRead(payload, out VringDescriptor message))
        {
            return TooShort(payload);
        }

        FileDescriptor? descriptor = message.HasDescriptor ? _connection.TakeDescriptor() : null;
        return message.HasDescriptor && descriptor is null
            ? MessageOutcome.Refused("the descriptor is missing")
            : request switch
            {
                VhostUserRequest.SetVringKick => _backend.SetKick(message, descriptor),
                VhostUserRequest.SetVringCall => _backend.SetCall(message, descriptor),
                _ => _backend.SetError(message, descriptor),
            };
    }

    private MessageOutcome DispatchRing(VhostUserRequest request, ReadOnlySpan<byte> payload)
    {
        if (request == VhostUserRequest.SetVringAddr)
        {
            return VringAddress.TryRead(payload, out VringAddress address) ? _backend.SetAddresses(address) : TooShort(payload);
        }

        bool isWhole = VringState.TryRead(payload, out VringState state);
        return request switch
        {
            VhostUserRequest.SetVringNum => isWhole ? _backend.SetSize(state) : TooShort(payload),
            VhostUserRequest.SetVringBase => isWhole ? _backend.SetPosition(state) : TooShort(payload),
            VhostUserRequest.SetVringEnable => isWhole ? _backend.Enable(state) : TooShort(payload),
            VhostUserRequest.VringKick => isWhole ? _backend.Kick(state) : TooShort(payload),
            _ => MessageOutcome.Refused("not a request this device knows"),
        };
    }

    private MessageOutcome GetPosition(ReadOnlySpan<byte> payload)
    {
        if (!VringState.TryRead(payload, out VringState state) || _backend.StopAndGetPosition(state.Index) is not { } position)
        {
            return MessageOutcome.Fatal("there is no such queue, and no way to say so");
        }

        (state with { Value = position }).Write(_connection.ReplyPayload);
        return MessageOutcome.Replied(_connection.Reply(VringState.Size));
    }

    private MessageOutcome GetConfig(ReadOnlySpan<byte> payload)
    {
        if (!ConfigAccess.TryRead(payload, out ConfigAccess access))
        {
            // The specification's way to refuse: a reply without bytes.
            return MessageOutcome.Replied(_connection.Reply(0));
        }

        access.Write(_connection.ReplyPayload);
        _backend.ReadConfig((int)access.Offset, _connection.ReplyPayload.Slice(ConfigAccess.HeadBytes, (int)access.Length));
        return MessageOutcome.Replied(_connection.Reply(ConfigAccess.HeadBytes + (int)access.Length));
    }

    private MessageOutcome SetConfig(ReadOnlySpan<byte> payload)
    {
        if (!ConfigAccess.TryRead(payload, out ConfigAccess access))
        {
            return MessageOutcome.Refused("a write outside the configuration space");
        }

        _backend.WriteConfig((int)access.Offset, payload.Slice(ConfigAccess.HeadBytes, (int)access.Length));
        return MessageOutcome.Accepted;
    }

    private MessageOutcome SetBackendRequests()
    {
        if (_connection.TakeDescriptor() is not { } socket)
        {
            return MessageOutcome.Refused("the descriptor is missing");
        }

        _backend.SetBackendRequestSocket(socket);
        return MessageOutcome.Accepted;
    }

    private void OnRefused(VhostUserRequest request, string reason)
    {
        _record.Counters.RefusedRequests++;
        _state = _state with { LastRefusal = $"{request}: {reason}" };
        if (_limit.Pass(out _))
        {
            LogRefused(request, reason);
        }
    }

    private bool Reply(ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(_connection.ReplyPayload, value);
        return _connection.Reply(sizeof(ulong));
    }

    private void End(string reason)
    {
        if (_watch is not null)
        {
            LogEnded(Peer, reason);
            _record.Tell(DeviceEventKind.FrontEndDisconnected, reason);
            Dispose();
            _record.SetFrontEnd(null);
            _ended(this);
        }
    }

    private static MessageOutcome TooShort(ReadOnlySpan<byte> payload)
        => MessageOutcome.Refused($"{payload.Length} bytes are too few");

    [LoggerMessage(110, LogLevel.Debug, "front-end: {Request}, {Bytes} bytes, {Descriptors} descriptors")]
    private partial void LogMessage(VhostUserRequest request, uint bytes, int descriptors);

    [LoggerMessage(111, LogLevel.Warning, "front-end: {Request} refused: {Reason}")]
    private partial void LogRefused(VhostUserRequest request, string reason);

    [LoggerMessage(112, LogLevel.Information, "front-end ({Process}) disconnected: {Reason}")]
    private partial void LogEnded(PeerProcess process, string reason);
}
