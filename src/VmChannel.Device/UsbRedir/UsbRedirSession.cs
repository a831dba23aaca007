using System.Buffers;
using Microsoft.Extensions.Logging;
using VmChannel.Device.Loop;
using VmChannel.Device.UsbSerial;
using VmChannel.Native;
using VmChannel.Wire.UsbRedir;

namespace VmChannel.Device.UsbRedir;

/// <summary>The conversation with one peer, on the loop thread: it has the virtual machine, this side has the adapter.</summary>
/// <remarks>
/// A request that makes no sense for the adapter is answered with a failure; a packet that makes no sense at all ends the connection,
/// with one line in the log. A peer that does not read is not read from, so nothing grows.
/// </remarks>
internal sealed partial class UsbRedirSession : Runnable, IReadiness, IUsbHost, IDisposable
{
    private const int PacketsPerTurn = 128;

    private readonly DeviceLoop _loop;
    private readonly FileDescriptor _socket;
    private readonly Action<UsbRedirSession> _ended;
    private readonly ILogger _log;
    private readonly ReceiveBuffer _receive = new();
    private readonly UsbRedirPackets _packets = new();
    private Registration? _watch;
    private UsbSerialAdapter? _adapter;
    private int _payloadAt;
    private bool _hasHello;
    private bool _isConnected;
    private bool _awaitsAck;
    private bool _mayReceive;
    private bool _maySend = true;
    private bool _isOver;

    /// <param name="loop">Serves it.</param>
    /// <param name="socket">Connected and non-blocking; owned from here on.</param>
    /// <param name="name">What the socket is called, for the log.</param>
    /// <param name="peer">Who is at its other end, for people.</param>
    /// <param name="ended">Called once when the connection is over.</param>
    /// <param name="log">One line when it ends.</param>
    public UsbRedirSession(DeviceLoop loop, FileDescriptor socket, string name, string peer, Action<UsbRedirSession> ended, ILogger log)
    {
        _loop = loop;
        _socket = socket;
        Name = name;
        Peer = peer;
        _ended = ended;
        _log = log;
    }

    public string Name { get; }

    public string Peer { get; }

    /// <summary>Begins the conversation.</summary>
    /// <param name="adapter">What the peer is to have; null = nothing yet.</param>
    /// <exception cref="IOException">The socket cannot be watched.</exception>
    public void Start(UsbSerialAdapter? adapter)
    {
        _adapter = adapter;
        _ = _loop.Add(_socket, EpollEvents.In | EpollEvents.Out | EpollEvents.ReadHangUp, this, out _watch).OrThrow("watch the connection");
        _packets.Hello();
        Flush();
    }

    /// <summary>Another adapter, or none, is the peer's from now on.</summary>
    public void Plug(UsbSerialAdapter? adapter)
    {
        if (_isConnected)
        {
            _isConnected = false;
            _awaitsAck = (_packets.Shared & UsbRedirCapabilities.DeviceDisconnectAck) != 0;
            _packets.Disconnect();
        }

        _adapter = adapter;
        Connect();
        Flush();
    }

    public void OnReady(EpollEvents events)
    {
        _mayReceive |= (events & ~EpollEvents.Out) != 0;
        _maySend |= (events & ~EpollEvents.In) != 0;
        _loop.Schedule(this);
    }

    public bool TryReserve(int bytes, out PinnedBuffer buffer, out int offset) => _packets.TryReserve(bytes, out buffer, out offset);

    public void CompleteIn(ulong id, int bytes) => _packets.BulkData(id, FtdiDescriptors.InEndpoint, bytes);

    public void CompleteOut(ulong id, int bytes, TransferStatus status) => _packets.Bulk(id, FtdiDescriptors.OutEndpoint, StatusOf(status), bytes);

    public void FailIn(ulong id, TransferStatus status) => _packets.Bulk(id, FtdiDescriptors.InEndpoint, StatusOf(status), 0);

    public void Flush()
    {
        while (!_isOver && _maySend && _packets.Buffer.Count > 0)
        {
            PosixResult sent = _packets.Buffer.Send(_socket);
            if (sent.IsAgain)
            {
                _maySend = false;
            }
            else if (!sent.IsSuccess)
            {
                End($"sending failed: {sent.Message}");
            }
        }
    }

    public void Dispose()
    {
        _isOver = true;
        Leave();
        _watch?.Dispose();
        _watch = null;
        _socket.Dispose();
    }

    protected internal override bool Run()
    {
        Flush();
        bool more = Receive();
        if (!_isOver && _isConnected)
        {
            more |= _adapter!.Serve();
        }

        bool wasFull = !_packets.Buffer.HasReserve;
        Flush();

        // Nobody tells that there is room again when the socket took everything at once.
        return !_isOver && (more || (wasFull && _packets.Buffer.HasReserve));
    }

    /// <summary>True when there is more to do right now.</summary>
    private bool Receive()
    {
        for (int packets = 0; packets < PacketsPerTurn;)
        {
            if (_isOver || !_packets.Buffer.HasReserve)
            {
                return false;
            }

            ReadOnlySpan<byte> input = _receive.Unread;
            switch (UsbRedirHeader.TryTake(ref input, _packets.WideIds, out UsbRedirHeader header, out _))
            {
                case OperationStatus.Done:
                    packets++;
                    _payloadAt = _receive.Take(UsbRedirHeader.Size(_packets.WideIds) + (int)header.PayloadBytes) - (int)header.PayloadBytes;
                    if (Handle(header) is string wrong)
                    {
                        End(wrong);
                    }

                    break;
                case OperationStatus.InvalidData:
                    End($"a packet of type {(uint)header.Type} claims {header.PayloadBytes} bytes; none may have more than {UsbRedirHeader.MaxPayloadBytes}");
                    break;
                default:
                    if (!_mayReceive)
                    {
                        return false;
                    }

                    _receive.MakeRoom(UsbRedirHeader.WideSize + (int)header.PayloadBytes);
                    Fill();
                    break;
            }
        }

        return true;
    }

    private void Fill()
    {
        PosixResult result = _receive.Fill(_socket);
        if (result.IsAgain)
        {
            _mayReceive = false;
        }
        else if (!result.IsSuccess || result.Value == 0)
        {
            End(result.IsSuccess ? null : $"receiving failed: {result.Message}");
        }
    }

    /// <summary>The adapter is shown to the peer, if both are there.</summary>
    private void Connect()
    {
        if (_hasHello && !_isConnected && !_awaitsAck && _adapter is { } adapter)
        {
            _isConnected = true;
            adapter.Attach(this, Peer);
            _packets.Shape(isConfigured: true);
            _packets.Connect();
        }
    }

    /// <summary>The adapter loses its guest.</summary>
    private void Leave()
    {
        if (_isConnected)
        {
            _isConnected = false;
            _adapter?.Detach("the front-end has left");
        }
    }

    /// <param name="reason">What the peer did; null when it simply hung up.</param>
    private void End(string? reason)
    {
        if (_isOver)
        {
            return;
        }

        if (reason is null)
        {
            LogLeft(Name, Peer);
        }
        else
        {
            LogEnded(Name, Peer, reason);
        }

        Dispose();
        _ended(this);
    }

    private static UsbRedirStatus StatusOf(TransferStatus status) => status switch
    {
        TransferStatus.Done => UsbRedirStatus.Success,
        TransferStatus.Cancelled => UsbRedirStatus.Cancelled,
        TransferStatus.Stalled => UsbRedirStatus.Stall,
        TransferStatus.Invalid => UsbRedirStatus.Invalid,
        _ => UsbRedirStatus.IoError,
    };

    [LoggerMessage(140, LogLevel.Information, "{Name}: front-end ({Peer}) left")]
    private partial void LogLeft(string name, string peer);

    [LoggerMessage(141, LogLevel.Warning, "{Name}: the connection to the front-end ({Peer}) ends: {Reason}")]
    private partial void LogEnded(string name, string peer, string reason);

    [LoggerMessage(142, LogLevel.Warning, "{Name}: the front-end ({Peer}) refuses the adapter: its filter does not let it in")]
    private partial void LogRejected(string name, string peer);
}
