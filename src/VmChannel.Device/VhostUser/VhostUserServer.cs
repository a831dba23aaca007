using Microsoft.Extensions.Logging;
using VmChannel.Device.Events;
using VmChannel.Device.Loop;
using VmChannel.Device.VirtioSerial;
using VmChannel.Native;

namespace VmChannel.Device.VhostUser;

/// <summary>Offers one device to front-ends, one at a time. Loop thread only after <see cref="Start"/>.</summary>
public sealed partial class VhostUserServer : IReadiness, IDisposable
{
    private const int Backlog = 4;
    private static readonly TimeSpan ReconnectDelay = TimeSpan.FromMilliseconds(500);

    private readonly DeviceLoop _loop;
    private readonly VirtioSerialDevice _device;
    private readonly VhostUserEndpoint _endpoint;
    private readonly bool _offersInBand;
    private readonly ILogger _log;
    private UnixListener? _listener;
    private FileDescriptor? _inherited;
    private Registration? _watch;
    private VhostUserSession? _session;
    private LoopTimer? _retry;
    private bool _isDisposed;

    /// <param name="loop">Serves the device.</param>
    /// <param name="device">What is offered.</param>
    /// <param name="endpoint">Where the front-end is met.</param>
    /// <param name="offersInBand">Offer in-band notifications: only for simulators, where every kick becomes a round trip.</param>
    /// <param name="log">One line per front-end that comes, goes or is refused.</param>
    public VhostUserServer(
        DeviceLoop loop, VirtioSerialDevice device, VhostUserEndpoint endpoint, bool offersInBand, ILogger<VhostUserServer> log)
    {
        _loop = loop;
        _device = device;
        _endpoint = endpoint;
        _offersInBand = offersInBand;
        _log = log;
    }

    /// <summary>A front-end that cannot come back has gone: nothing is left to serve.</summary>
    public Action? Finished { get; set; }

    public bool IsConnected => _session is not null;

    /// <summary>Takes the socket's place, so that a second server fails before it touches anything. Front-ends wait until <see cref="Start"/>.</summary>
    /// <exception cref="IOException">It is taken; the message says what to do.</exception>
    public void Reserve()
    {
        if (_endpoint is VhostUserEndpoint.Listen(UnixAddress address))
        {
            _listener = UnixListener.TryOpen(address, Backlog, out string? reason)
                ?? throw new IOException($"--vhost-user {address}: {reason}");
        }
    }

    /// <summary>Begins to serve front-ends, or connects to one.</summary>
    /// <exception cref="IOException">It cannot; the message says what to do.</exception>
    public void Start()
    {
        switch (_endpoint)
        {
            case VhostUserEndpoint.Listen:
                if (_listener is null)
                {
                    Reserve();
                }

                Watch(_listener!.Socket);
                break;
            case VhostUserEndpoint.Connect(UnixAddress address):
                Connect(address, isFirst: true);
                break;
            case VhostUserEndpoint.Inherited(int number):
                Inherit(number, $"--fd {number}");
                break;
            case VhostUserEndpoint.Activated activated:
                Inherit(FindActivated(activated), activated.ToString());
                break;
            default:
                throw new NotSupportedException();
        }
    }

    public void OnReady(EpollEvents events)
    {
        FileDescriptor listener = _listener?.Socket ?? _inherited!;
        while (true)
        {
            PosixResult result = UnixSocket.Accept(listener, out FileDescriptor? socket);
            if (!result.IsSuccess)
            {
                RetryUnlessEmpty(result);
                return;
            }

            // A front-end that ended and one that begins may be reported together, in either order: look who is still there.
            _session?.Poll();
            if (_session is not null)
            {
                _ = UnixSocket.GetPeerCredentials(socket!, out PeerCredentials second);
                LogRefused(second.Pid, _session.Peer);
                _device.Record.Tell(DeviceEventKind.PeerRefused, $"a second front-end ({PeerProcess.Of(second.Pid)}): {_session.Peer} is connected");
                socket!.Dispose();
                continue;
            }

            Begin(socket!);
        }
    }

    public void Dispose()
    {
        _isDisposed = true;
        _retry?.Dispose();
        _watch?.Dispose();
        _session?.Dispose();
        _session = null;
        _listener?.Dispose();
        _inherited?.Dispose();
    }

    private static int FindActivated(VhostUserEndpoint.Activated endpoint)
        => ActivatedSockets.OfProcess.TryFind(endpoint.Name, out int number, out string? reason)
            ? number
            : throw new IOException($"{endpoint}: {reason}");

    private void Inherit(int number, string origin)
    {
        _ = FileDescriptor.Duplicate(number, out FileDescriptor? socket).OrThrow(origin);
        if (socket!.Kind() != FileKind.Socket)
        {
            socket.Dispose();
            throw new IOException($"{origin}: not a socket");
        }

        _ = socket.SetNonBlocking(true);
        if (UnixSocket.IsListening(socket))
        {
            _inherited = socket;
            Watch(socket);
        }
        else
        {
            Begin(socket);
        }
    }

    private void Watch(FileDescriptor listener)
        => _ = _loop.Add(listener, EpollEvents.In, this, out _watch).OrThrow("watch the listening socket");

    private void Connect(UnixAddress address, bool isFirst)
    {
        PosixResult result = StreamSocket.Connect(address, out FileDescriptor? socket);
        if (result.IsSuccess)
        {
            Begin(socket!);
        }
        else if (isFirst)
        {
            throw new IOException($"--connect {address}: {result.Message}; start the front-end first, or let it connect with --vhost-user");
        }
        else
        {
            _retry = _loop.After(ReconnectDelay, () => Connect(address, isFirst: false));
        }
    }

    private void Begin(FileDescriptor socket)
    {
        VhostUserSession session = new(_loop, _device, socket, _offersInBand, OnEnded, _log);
        LogConnected(session.Peer);
        try
        {
            session.Start();
            _session = session;
        }
        catch (IOException e)
        {
            session.Dispose();
            LogAcceptFailed(e.Message);
        }
    }

    /// <summary>Out of descriptors, say: nobody tells when that is over, and the front-end waits.</summary>
    private void RetryUnlessEmpty(PosixResult result)
    {
        if (!result.IsAgain)
        {
            LogAcceptFailed(result.Message);
            _retry = _loop.After(ReconnectDelay, () => OnReady(EpollEvents.In));
        }
    }

    private void OnEnded(VhostUserSession session)
    {
        _session = null;
        if (_isDisposed)
        {
            return;
        }

        if (_endpoint is VhostUserEndpoint.Connect(UnixAddress address))
        {
            _retry = _loop.After(ReconnectDelay, () => Connect(address, isFirst: false));
        }
        else if (_watch is null)
        {
            Finished?.Invoke();
        }
    }

    [LoggerMessage(120, LogLevel.Information, "front-end ({Process}) connected")]
    private partial void LogConnected(PeerProcess process);

    [LoggerMessage(122, LogLevel.Error, "a front-end cannot be accepted: {Reason}")]
    private partial void LogAcceptFailed(string reason);

    [LoggerMessage(121, LogLevel.Warning, "a second front-end (pid {Pid}) was refused: {Current} is connected; use one socket per VM")]
    private partial void LogRefused(int pid, PeerProcess current);
}
