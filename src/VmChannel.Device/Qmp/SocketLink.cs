using Microsoft.Extensions.Logging;
using VmChannel.Device.Loop;
using VmChannel.Device.Ports;
using VmChannel.Native;

namespace VmChannel.Device.Qmp;

/// <summary>A port and the socket that a VMM has for it. Loop thread only.</summary>
internal sealed partial class SocketLink : IReadiness, IDisposable
{
    private const int Backlog = 1;
    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(500);

    private readonly DeviceLoop _loop;
    private readonly LinkedPort _link;
    private readonly PortSocket _socket;
    private readonly Action _processChanged;
    private readonly ILogger _log;
    private readonly LoopTimer _retry;
    private UnixListener? _listener;
    private Registration? _watch;
    private string? _known;
    private bool _isDisposed;

    /// <param name="port">The port.</param>
    /// <param name="socket">Where the VMM is met.</param>
    /// <param name="loop">Serves it.</param>
    /// <param name="stallAfter">How long bytes wait before the port counts as stalled.</param>
    /// <param name="processChanged">Called when the VMM came or went.</param>
    /// <param name="log">One line per change.</param>
    public SocketLink(Port port, PortSocket socket, DeviceLoop loop, TimeSpan stallAfter, Action processChanged, ILogger log)
    {
        _loop = loop;
        _socket = socket;
        _processChanged = processChanged;
        _log = log;
        _retry = new LoopTimer(Look);
        _link = new LinkedPort(port, loop, stallAfter, _ => Look()) { Ended = OnEnded };
    }

    public Port Port => _link.Port;

    /// <summary>The VMM at the other side; null while it is not connected.</summary>
    public PeerProcess? Process { get; private set; }

    public bool IsDelivered => _link.IsDelivered;

    /// <summary>Connects or listens while the host end is there, and hangs up when the guest is to be told that it is not.</summary>
    public void Look()
    {
        if (_isDisposed)
        {
            return;
        }

        if (!_link.IsHostOpenWanted)
        {
            HangUp("the host end is gone");
        }
        else if (!_link.IsConnected)
        {
            Meet();
        }
    }

    public void OnReady(EpollEvents events)
    {
        if (_listener is null || _link.IsConnected)
        {
            return;
        }

        PosixResult result = UnixSocket.Accept(_listener.Socket, out FileDescriptor? socket);
        if (result.IsSuccess)
        {
            Begin(socket!);
        }
        else if (!result.IsAgain)
        {
            // Who waits there does not come a second time.
            TryLater(result.Message);
        }
    }

    public void Dispose()
    {
        if (!_isDisposed)
        {
            HangUp("it was unplugged");
            _isDisposed = true;
            _retry.Dispose();
            _link.Dispose();
        }
    }

    private void Meet()
    {
        string? reason = null;
        if (!_socket.Listens)
        {
            PosixResult result = StreamSocket.Connect(_socket.Address, out FileDescriptor? socket);
            if (result.IsSuccess)
            {
                Begin(socket!);
                return;
            }

            reason = result.IsAgain ? "somebody else is connected" : result.Message;
        }
        else if (_listener is null)
        {
            _listener = UnixListener.TryOpen(_socket.Address, Backlog, out reason);
            if (_listener is not null)
            {
                _ = _loop.Add(_listener.Socket, EpollEvents.In, this, out _watch).OrThrow("epoll_ctl");
                return;
            }
        }
        else
        {
            // One may have come while another was served.
            OnReady(EpollEvents.In);
            return;
        }

        TryLater(reason ?? "");
    }

    private void TryLater(string reason)
    {
        if (reason != _known)
        {
            _known = reason;
            LogWaiting(Port.Spec, _socket.Address.ToString(), reason);
        }

        _loop.Set(_retry, Retry);
    }

    private void Begin(FileDescriptor socket)
    {
        _known = null;
        Process = PeerProcess.At(socket);
        LogConnected(Port.Spec, Process.Value, _socket.Address.ToString());
        _link.Connect(socket, socket);
        _link.SetGuestOpen(true, "counted as open while its socket is connected; nothing tells whether a program has it");
        _processChanged();
    }

    private void OnEnded()
    {
        LeaveGuest("the VMM hung up");
        _loop.Set(_retry, Retry);
    }

    private void HangUp(string cause)
    {
        _watch?.Dispose();
        _watch = null;
        _listener?.Dispose();
        _listener = null;
        LeaveGuest(cause);
    }

    private void LeaveGuest(string cause)
    {
        if (_link.IsConnected)
        {
            _link.Disconnect();
            _link.ForgetGuest(cause);
            Port.OnDrained();
            Process = null;
            LogDisconnected(Port.Spec, cause);
            _processChanged();
        }
    }

    [LoggerMessage(155, LogLevel.Information, "{Port}: {Process} is at {Socket}")]
    private partial void LogConnected(PortSpec port, PeerProcess process, string socket);

    [LoggerMessage(156, LogLevel.Information, "{Port}: its socket was closed: {Cause}")]
    private partial void LogDisconnected(PortSpec port, string cause);

    [LoggerMessage(157, LogLevel.Warning, "{Port}: waiting for the VMM at {Socket}: {Reason}")]
    private partial void LogWaiting(PortSpec port, string socket, string reason);
}
