using System.Buffers;
using Microsoft.Extensions.Logging;
using VmChannel.Device.Loop;
using VmChannel.Device.UsbSerial;
using VmChannel.Native;
using VmChannel.Wire.UsbIp;

namespace VmChannel.Device.UsbIp;

/// <summary>The conversation with a client that has imported an adapter, on the loop thread.</summary>
/// <remarks>
/// A transfer that makes no sense for the adapter fails; a message that makes no sense at all ends the connection, with one line in
/// the log. A client that does not read is not read from, so nothing grows.
/// </remarks>
internal sealed partial class UsbIpSession : Runnable, IReadiness, IUsbHost, IDisposable
{
    private const int CommandsPerTurn = 128;

    private readonly DeviceLoop _loop;
    private readonly FileDescriptor _socket;
    private readonly UsbSerialAdapter _adapter;
    private readonly UsbIpDevice _device;
    private readonly Action<UsbIpSession> _ended;
    private readonly ILogger _log;
    private readonly ReceiveBuffer _receive = new();
    private readonly SendBuffer _send = new();
    private Registration? _watch;
    private bool _mayReceive = true;
    private bool _maySend = true;
    private bool _isOver;

    /// <param name="loop">Serves it.</param>
    /// <param name="socket">Connected and non-blocking; owned from here on.</param>
    /// <param name="adapter">What the client has imported.</param>
    /// <param name="device">How the adapter is described.</param>
    /// <param name="peer">Who the client is, for people.</param>
    /// <param name="ended">Called once when the connection is over; not after <see cref="Dispose"/>.</param>
    /// <param name="log">One line when it ends.</param>
    public UsbIpSession(
        DeviceLoop loop, FileDescriptor socket, UsbSerialAdapter adapter, in UsbIpDevice device, string peer, Action<UsbIpSession> ended, ILogger log)
    {
        _loop = loop;
        _socket = socket;
        _adapter = adapter;
        _device = device;
        Peer = peer;
        _ended = ended;
        _log = log;
    }

    public string Peer { get; }

    /// <summary>Tells the client that the adapter is its own, and begins to serve it.</summary>
    /// <exception cref="IOException">The socket cannot be watched.</exception>
    public void Start()
    {
        _ = _loop.Add(_socket, EpollEvents.In | EpollEvents.Out | EpollEvents.ReadHangUp, this, out _watch).OrThrow("watch the connection");
        Span<byte> reply = _send.Add(UsbIpOperation.Size + UsbIpDevice.Size);
        new UsbIpOperation(UsbIpOperation.CurrentVersion, UsbIpCode.ImportReply, UsbIpOutcome.Good).Write(reply);
        _device.Write(reply[UsbIpOperation.Size..]);
        _adapter.Attach(this, Peer);
        _loop.Schedule(this);
    }

    public void OnReady(EpollEvents events)
    {
        _mayReceive |= (events & ~EpollEvents.Out) != 0;
        _maySend |= (events & ~EpollEvents.In) != 0;
        _loop.Schedule(this);
    }

    public void Flush()
    {
        while (!_isOver && _maySend && _send.Count > 0)
        {
            PosixResult sent = _send.Send(_socket);
            if (sent.IsAgain)
            {
                _maySend = false;
            }
            else if (!sent.IsSuccess)
            {
                End(sent.Error is Errno.ConnectionReset or Errno.BrokenPipe ? null : $"sending failed: {sent.Message}");
            }
        }
    }

    /// <summary>Ends the connection: the client finds the device unplugged.</summary>
    public void Dispose()
    {
        if (!_isOver)
        {
            _isOver = true;
            _adapter.Detach("the USB/IP client has left");
            _watch?.Dispose();
            _socket.Dispose();
        }
    }

    protected internal override bool Run()
    {
        Flush();
        bool more = Receive();
        if (!_isOver)
        {
            more |= _adapter.Serve();
        }

        bool wasFull = !_send.HasReserve;
        Flush();

        // Nobody tells that there is room again when the socket took everything at once.
        return !_isOver && (more || (wasFull && _send.HasReserve));
    }

    /// <summary>True when there is more to do right now.</summary>
    private bool Receive()
    {
        for (int commands = 0; commands < CommandsPerTurn;)
        {
            if (_isOver || !_send.HasReserve)
            {
                return false;
            }

            ReadOnlySpan<byte> input = _receive.Unread;
            switch (UsbIpCommand.TryTake(ref input, out UsbIpCommand command, out _))
            {
                case OperationStatus.Done:
                    commands++;
                    int end = _receive.Take(UsbIpCommand.HeaderSize + command.DataBytes);
                    Handle(command, end - command.DataBytes);
                    break;
                case OperationStatus.InvalidData:
                    End("it sent what is no USB/IP command, or one with more data than there may be");
                    break;
                default:
                    if (!_mayReceive)
                    {
                        return false;
                    }

                    _receive.MakeRoom(UsbIpCommand.HeaderSize + command.DataBytes);
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
            // A client that leaves without having read everything resets the connection.
            End(result.IsSuccess || result.Error == Errno.ConnectionReset ? null : $"receiving failed: {result.Message}");
        }
    }

    /// <param name="reason">What the client did; null when it simply left.</param>
    private void End(string? reason)
    {
        if (_isOver)
        {
            return;
        }

        if (reason is null)
        {
            LogLeft(_device.BusId, Peer);
        }
        else
        {
            LogEnded(_device.BusId, Peer, reason);
        }

        Dispose();
        _ended(this);
    }

    [LoggerMessage(160, LogLevel.Information, "usbip {BusId}: the client at {Peer} left")]
    private partial void LogLeft(string busId, string peer);

    [LoggerMessage(161, LogLevel.Warning, "usbip {BusId}: the connection to the client at {Peer} ends: {Reason}")]
    private partial void LogEnded(string busId, string peer, string reason);
}
