using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using VmChannel.Device.Loop;
using VmChannel.Device.UsbSerial;
using VmChannel.Native;

namespace VmChannel.Device.UsbRedir;

/// <summary>One place where a peer fetches an adapter: a socket, the peer that is connected, and the adapter that is plugged in. Loop thread only.</summary>
/// <remarks>Each of the two comes and goes without the other: a peer that waits gets the next adapter on the same connection.</remarks>
public sealed partial class UsbRedirServer : IReadiness, IDisposable
{
    private const int Backlog = 4;
    private static readonly TimeSpan RetryTime = TimeSpan.FromMilliseconds(500);

    private readonly DeviceLoop _loop;
    private readonly ILogger _log;
    private readonly LoopTimer _connectAgain;
    private readonly LoopTimer _acceptAgain;
    private readonly LogLimit _shortLimit = new();
    [SuppressMessage("Usage", "CA2213", Justification = "Its UnixListener disposes it, or else Dispose does.")]
    private FileDescriptor? _listener;
    private UnixListener? _file;
    private Registration? _watch;
    private FileDescriptor? _connecting;
    private UsbRedirSession? _session;
    private bool _isShort;
    private bool _isDisposed;

    /// <param name="loop">Serves it.</param>
    /// <param name="endpoint">Where the peer is met.</param>
    /// <param name="log">One line per peer that comes, goes or is refused.</param>
    public UsbRedirServer(DeviceLoop loop, UsbRedirEndpoint endpoint, ILogger<UsbRedirServer> log)
    {
        _loop = loop;
        Endpoint = endpoint;
        _log = log;
        _connectAgain = new LoopTimer(Connect);
        _acceptAgain = new LoopTimer(() => OnReady(EpollEvents.In));
    }

    public UsbRedirEndpoint Endpoint { get; }

    /// <summary>What is plugged in.</summary>
    public UsbSerialAdapter? Adapter { get; private set; }

    /// <summary>A peer is there.</summary>
    public bool IsConnected => _session is not null;

    /// <summary>
    /// A peer that has said nothing for this long makes room for the next. There is no other limit: QEMU says nothing while its machine
    /// is paused, and does not come back when it is cut off.
    /// </summary>
    public TimeSpan HelloTime { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>A peer has left.</summary>
    public Action? PeerLeft { get; set; }

    /// <summary>Listens, or begins to connect.</summary>
    /// <exception cref="IOException">It cannot; the message says what to do.</exception>
    public void Start()
    {
        if (Endpoint.Connects)
        {
            Connect();
            return;
        }

        Listen();
        _ = _loop.Add(_listener!, EpollEvents.In, this, out _watch).OrThrow("watch the listening socket");
    }

    /// <summary>Gives the peer this adapter, in the place of one that was there.</summary>
    public void Plug(UsbSerialAdapter adapter)
    {
        Adapter = adapter;
        _session?.Plug(adapter);
    }

    /// <summary>Takes the adapter away from the peer, which stays.</summary>
    /// <param name="cause">Why, for events.</param>
    public void Unplug(string cause)
    {
        if (Adapter is { } adapter)
        {
            Adapter = null;
            _session?.Plug(null);
            adapter.Unplug(cause);
        }
    }

    public void OnReady(EpollEvents events)
    {
        if (_connecting is not null)
        {
            OnConnecting(events);
            return;
        }

        while (_listener is not null)
        {
            PosixResult result = UnixSocket.Accept(_listener, out FileDescriptor? socket);
            if (!result.IsSuccess)
            {
                RetryUnlessEmpty(result);
                return;
            }

            _isShort = false;
            if (_session is { Silence: { } silence } silent && silence >= HelloTime)
            {
                _session = null;
                silent.GiveWay();
            }

            if (_session is not null)
            {
                LogRefused(Endpoint, PeerOf(socket!), _session.Peer);
                socket!.Dispose();
                continue;
            }

            Begin(socket!);
        }
    }

    public void Dispose()
    {
        _isDisposed = true;
        _connectAgain.Dispose();
        _acceptAgain.Dispose();
        _watch?.Dispose();
        _connecting?.Dispose();
        _session?.Dispose();
        _session = null;
        Unplug("the server stops");
        _listener?.Dispose();
        _listener = null;
        _file?.Dispose();
    }

    private void Listen()
    {
        if (Endpoint.Unix is { } address)
        {
            _file = UnixListener.TryOpen(address, Backlog, out string? reason) ?? throw new IOException($"--usbredir {address}: {reason}");
            _listener = _file.Socket;
        }
        else
        {
            PosixResult result = StreamSocket.Listen(Endpoint.Tcp!, Backlog, onlyIpv6: false, out _listener);
            if (!result.IsSuccess)
            {
                throw new IOException($"--usbredir {Endpoint}: cannot listen: {result.Message}; choose another address or port");
            }
        }
    }

    private void Connect()
    {
        PosixResult result = Endpoint.Unix is { } address
            ? StreamSocket.Connect(address, out FileDescriptor? socket)
            : StreamSocket.Connect(Endpoint.Tcp!, out socket);
        if (result.IsSuccess)
        {
            Begin(socket!);
        }
        else if (result.Error == Errno.InProgress)
        {
            _connecting = socket;
            _ = _loop.Add(socket!, EpollEvents.Out, this, out _watch).OrThrow("watch the connection");
        }
        else
        {
            RetryConnect();
        }
    }

    private void OnConnecting(EpollEvents events)
    {
        if ((events & (EpollEvents.Out | EpollEvents.HangUp | EpollEvents.Error)) == 0)
        {
            return;
        }

        FileDescriptor socket = _connecting!;
        _connecting = null;
        _watch?.Dispose();
        _watch = null;
        if (UnixSocket.TakeError(socket) == Errno.None)
        {
            Begin(socket);
        }
        else
        {
            socket.Dispose();
            RetryConnect();
        }
    }

    private void RetryConnect() => _loop.Set(_connectAgain, RetryTime);

    private void Begin(FileDescriptor socket)
    {
        if (Endpoint.Tcp is not null)
        {
            // Transfers are small and somebody waits for each. A machine that vanished without a word makes room for the next peer.
            _ = StreamSocket.SetNoDelay(socket);
            _ = StreamSocket.SetKeepAlive(socket, TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(10), 3);
        }

        UsbRedirSession session = new(_loop, socket, Endpoint.ToString(), PeerOf(socket), OnEnded, _log);
        LogConnected(Endpoint, session.Peer);
        _session = session;
        try
        {
            session.Start(Adapter);
        }
        catch (IOException e)
        {
            session.Dispose();
            _session = null;
            LogAcceptFailed(Endpoint, e.Message);
        }
    }

    private string PeerOf(FileDescriptor socket)
        => Endpoint.Unix is null ? StreamSocket.PeerAddress(socket)?.ToString() ?? "a peer" : PeerProcess.At(socket).ToString();

    private void OnEnded(UsbRedirSession session)
    {
        if (_session != session)
        {
            return;
        }

        _session = null;
        if (!_isDisposed)
        {
            PeerLeft?.Invoke();
            if (Endpoint.Connects && !_isDisposed)
            {
                RetryConnect();
            }
        }
    }

    /// <summary>Out of descriptors, say: nobody tells when that is over, and the peer waits. Said once for as long as it lasts.</summary>
    private void RetryUnlessEmpty(PosixResult result)
    {
        if (result.IsAgain)
        {
            _isShort = false;
            return;
        }

        if (!_isShort && _shortLimit.Pass(out _))
        {
            LogAcceptFailed(Endpoint, result.Message);
        }

        _isShort = true;
        _loop.Set(_acceptAgain, RetryTime);
    }

    [LoggerMessage(143, LogLevel.Information, "{Endpoint}: front-end ({Peer}) connected")]
    private partial void LogConnected(UsbRedirEndpoint endpoint, string peer);

    [LoggerMessage(144, LogLevel.Warning, "{Endpoint}: a second front-end ({Peer}) was refused: {Current} is connected; use one socket per adapter")]
    private partial void LogRefused(UsbRedirEndpoint endpoint, string peer, string current);

    [LoggerMessage(145, LogLevel.Error, "{Endpoint}: a front-end cannot be accepted: {Reason}")]
    private partial void LogAcceptFailed(UsbRedirEndpoint endpoint, string reason);
}
