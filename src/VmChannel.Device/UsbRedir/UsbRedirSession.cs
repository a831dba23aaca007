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
/// with one line in the log.
/// </remarks>
internal sealed partial class UsbRedirSession : UsbConnection, IUsbHost
{
    private readonly UsbRedirPackets _packets;
    private readonly Action<UsbRedirSession> _ended;
    private readonly ILogger _log;
    private readonly long _startedAt = Environment.TickCount64;
    private UsbSerialAdapter? _adapter;
    private int _payloadAt;
    private bool _hasHello;
    private bool _isConnected;
    private bool _awaitsAck;
    private bool _receivesNotifications;

    /// <param name="loop">Serves it.</param>
    /// <param name="socket">Connected and non-blocking; owned from here on.</param>
    /// <param name="name">What the socket is called, for the log.</param>
    /// <param name="peer">Who is at its other end, for people.</param>
    /// <param name="ended">Called once when the connection is over.</param>
    /// <param name="log">One line when it ends.</param>
    public UsbRedirSession(DeviceLoop loop, FileDescriptor socket, string name, string peer, Action<UsbRedirSession> ended, ILogger log)
        : base(loop, socket)
    {
        _packets = new UsbRedirPackets(Output);
        Name = name;
        Peer = peer;
        _ended = ended;
        _log = log;
    }

    public string Name { get; }

    public string Peer { get; }

    /// <summary>For how long the peer has been connected without a hello; null when it has said it.</summary>
    public TimeSpan? Silence => _hasHello ? null : TimeSpan.FromMilliseconds(Environment.TickCount64 - _startedAt);

    /// <summary>Begins the conversation.</summary>
    /// <param name="adapter">What the peer is to have; null = nothing yet.</param>
    /// <exception cref="IOException">The socket cannot be watched.</exception>
    public void Start(UsbSerialAdapter? adapter)
    {
        _adapter = adapter;
        Watch();
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

    /// <summary>Another peer is to have the place.</summary>
    public void GiveWay() => End("it said nothing, and another came");

    public bool TryReserve(int bytes, out PinnedBuffer buffer, out int offset) => _packets.TryReserve(bytes, out buffer, out offset);

    public void CompleteIn(ulong id, int bytes) => _packets.BulkData(id, AdapterDescriptors.InEndpoint, bytes);

    public void CompleteOut(ulong id, int bytes, TransferStatus status) => _packets.Bulk(id, AdapterDescriptors.OutEndpoint, StatusOf(status), bytes);

    public void FailIn(ulong id, TransferStatus status) => _packets.Bulk(id, AdapterDescriptors.InEndpoint, StatusOf(status), 0);

    /// <summary>The peer asked once for all that come.</summary>
    public bool TryNotify(ulong id, ReadOnlySpan<byte> data)
    {
        if (!_packets.TryInterrupt(AdapterDescriptors.NotificationEndpoint, data))
        {
            return false;
        }

        _adapter!.SubmitNotification(id, data.Length);
        return true;
    }

    /// <summary>Nothing waits for one in particular.</summary>
    public void FailNotification(ulong id, TransferStatus status)
    {
    }

    protected override bool Serve() => _isConnected && _adapter!.Serve();

    protected override bool TryTake(out int needed)
    {
        needed = 0;
        ReadOnlySpan<byte> input = Input.Unread;
        switch (UsbRedirHeader.TryTake(ref input, _packets.WideIds, out UsbRedirHeader header, out _))
        {
            case OperationStatus.Done:
                _payloadAt = Input.Take(UsbRedirHeader.Size(_packets.WideIds) + (int)header.PayloadBytes) - (int)header.PayloadBytes;
                if (Handle(header) is string wrong)
                {
                    End(wrong);
                }

                return true;
            case OperationStatus.InvalidData:
                End($"a packet of type {(uint)header.Type} claims {header.PayloadBytes} bytes; none may have more than {UsbRedirHeader.MaxPayloadBytes}");
                return false;
            default:
                needed = UsbRedirHeader.WideSize + (int)header.PayloadBytes;
                return false;
        }
    }

    protected override void Leave()
    {
        if (_isConnected)
        {
            _isConnected = false;
            _adapter?.Detach("the front-end has left");
        }
    }

    protected override void End(string? reason)
    {
        if (IsOver)
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

    /// <summary>The adapter is shown to the peer, if both are there.</summary>
    private void Connect()
    {
        if (_hasHello && !_isConnected && !_awaitsAck && _adapter is { } adapter)
        {
            _isConnected = true;
            _receivesNotifications = false;
            adapter.Attach(this, Peer);
            _packets.Shape(adapter);
            _packets.Connect(adapter.Descriptors);
        }
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
