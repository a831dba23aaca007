using System.Buffers.Binary;
using Microsoft.Extensions.Logging;
using VmChannel.Device.Loop;
using VmChannel.Device.UsbSerial;
using VmChannel.Native;
using VmChannel.Wire.Usb;
using VmChannel.Wire.UsbIp;

namespace VmChannel.Device.UsbIp;

/// <summary>Exports a VM's adapters to USB/IP clients: one listening socket, and one client for each adapter. Loop thread only.</summary>
public sealed partial class UsbIpServer : IReadiness, IDisposable
{
    private const int Backlog = 16;

    /// <summary>Clients that have not imported anything yet. The oldest makes room: who really wants something is served at once.</summary>
    private const int MaxGreetings = 16;

    private static readonly TimeSpan RetryTime = TimeSpan.FromMilliseconds(500);

    private readonly DeviceLoop _loop;
    private readonly ILogger _log;
    private readonly LogLimit _limit = new();
    private readonly SortedDictionary<int, UsbIpExport> _exports = [];
    private readonly List<UsbIpGreeting> _greetings = [];
    private readonly LoopTimer _acceptAgain;
    private readonly LogLimit _shortLimit = new();
    private FileDescriptor? _listener;
    private Registration? _watch;
    private bool _isShort;

    /// <param name="loop">Serves it.</param>
    /// <param name="endpoint">Where clients connect.</param>
    /// <param name="log">One line per client that comes, goes or is refused.</param>
    public UsbIpServer(DeviceLoop loop, UsbIpEndpoint endpoint, ILogger<UsbIpServer> log)
    {
        _loop = loop;
        Endpoint = endpoint;
        _log = log;
        _acceptAgain = new LoopTimer(() => OnReady(EpollEvents.In));
    }

    /// <summary>Where clients connect: with port 0 the system chose, once it listens.</summary>
    public UsbIpEndpoint Endpoint { get; private set; }

    /// <summary>A client has an adapter.</summary>
    public bool IsConnected => _exports.Values.Any(export => export.Session is not null);

    /// <summary>Takes the address, so that a second server fails before it touches anything. Clients wait until <see cref="Start"/>.</summary>
    /// <exception cref="IOException">It is taken; the message says what to do.</exception>
    public void Reserve()
    {
        PosixResult result = StreamSocket.Listen(Endpoint.Address, Backlog, onlyIpv6: false, out _listener);
        if (!result.IsSuccess)
        {
            throw new IOException($"--usbip {Endpoint}: cannot listen: {result.Message}{Advice(result.Error)}");
        }

        Endpoint = Endpoint with { Address = StreamSocket.LocalAddress(_listener!) ?? Endpoint.Address };
    }

    /// <summary>Begins to serve clients.</summary>
    /// <exception cref="IOException">It cannot; the message says what to do.</exception>
    public void Start()
    {
        if (_listener is null)
        {
            Reserve();
        }

        _ = _loop.Add(_listener!, EpollEvents.In, this, out _watch).OrThrow("watch the listening socket");
        LogListening(Endpoint);
        if (!Endpoint.IsLoopback)
        {
            LogOpen(Endpoint);
        }
    }

    /// <summary>Exports an adapter, under the bus id of its port.</summary>
    public void Plug(UsbSerialAdapter adapter)
    {
        _exports.Add(adapter.Port.Spec.Number, new UsbIpExport(adapter));
        adapter.Port.Record.SetExported();
    }

    /// <summary>Takes an adapter away from whoever has it. The port is the caller's.</summary>
    /// <param name="number">The port's.</param>
    /// <param name="cause">Why, for events.</param>
    /// <returns>False when there is none.</returns>
    public bool Unplug(int number, string cause)
    {
        if (!_exports.Remove(number, out UsbIpExport? export))
        {
            return false;
        }

        export.Session?.Dispose();
        export.Adapter.Unplug(cause);
        return true;
    }

    /// <summary>The adapter of a port; null when there is none.</summary>
    public UsbSerialAdapter? Find(int number) => _exports.GetValueOrDefault(number)?.Adapter;

    public void OnReady(EpollEvents events)
    {
        while (_listener is not null)
        {
            PosixResult result = UnixSocket.Accept(_listener, out FileDescriptor? socket);
            if (!result.IsSuccess)
            {
                RetryUnlessEmpty(result);
                return;
            }

            _isShort = false;
            Greet(socket!);
        }
    }

    public void Dispose()
    {
        _acceptAgain.Dispose();
        _watch?.Dispose();
        _listener?.Dispose();
        _listener = null;
        foreach (UsbIpGreeting greeting in _greetings)
        {
            greeting.Dispose();
        }

        _greetings.Clear();
        foreach (int number in _exports.Keys.ToArray())
        {
            _ = Unplug(number, "the server stops");
        }
    }

    private void Greet(FileDescriptor socket)
    {
        // Transfers are small and somebody waits for each. A guest that vanished without a word gives its adapter back.
        _ = StreamSocket.SetNoDelay(socket);
        _ = StreamSocket.SetKeepAlive(socket, TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(10), 3);
        if (_greetings.Count == MaxGreetings)
        {
            OnGreetingEnded(_greetings[0], "it asked nothing, and others wait");
        }

        UsbIpGreeting greeting = new(socket, StreamSocket.PeerAddress(socket)?.ToString() ?? "a peer", OnAsked, OnGreetingEnded);
        _greetings.Add(greeting);
        try
        {
            greeting.Start(_loop);
        }
        catch (IOException e)
        {
            OnGreetingEnded(greeting, e.Message);
        }
    }

    private void OnAsked(UsbIpGreeting greeting, UsbIpRequest request)
    {
        if (request.Operation.Code == UsbIpCode.ListRequest)
        {
            greeting.Answer(List());
            return;
        }

        UsbIpExport? export = _exports.Values.FirstOrDefault(export => export.Device.BusId == request.BusId);
        if (export is { Session: null })
        {
            _ = _greetings.Remove(greeting);
            Import(greeting, export);
            return;
        }

        if (_limit.Pass(out _))
        {
            LogRefused(request.BusId, greeting.Peer, export is null ? "there is no such adapter" : $"the client at {export.Session!.Peer} has it");
        }

        // The one that has it may be a machine that was reset meanwhile: its network says so as soon as something is sent to it.
        export?.Adapter.TellAgain();
        byte[] answer = new byte[UsbIpOperation.Size];
        new UsbIpOperation(UsbIpOperation.CurrentVersion, UsbIpCode.ImportReply, export is null ? UsbIpOutcome.NoDevice : UsbIpOutcome.Busy).Write(answer);
        greeting.Answer(answer);
    }

    private void Import(UsbIpGreeting greeting, UsbIpExport export)
    {
        UsbIpSession session = new(_loop, greeting.TakeSocket(), export.Adapter, export.Device, greeting.Peer, OnEnded, _log);
        export.Session = session;
        LogImported(export.Device.BusId, greeting.Peer, export.Device.Path);
        try
        {
            session.Start();
        }
        catch (IOException e)
        {
            session.Dispose();
            export.Session = null;
            LogAcceptFailed(e.Message);
        }
    }

    private void OnEnded(UsbIpSession session)
    {
        foreach (UsbIpExport export in _exports.Values)
        {
            export.Session = export.Session == session ? null : export.Session;
        }
    }

    private byte[] List()
    {
        const int CountBytes = 4;
        byte[] answer = new byte[UsbIpOperation.Size + CountBytes + _exports.Values.Sum(export => UsbIpDevice.Size + (export.Device.Interfaces * UsbIpDevice.InterfaceSize))];
        new UsbIpOperation(UsbIpOperation.CurrentVersion, UsbIpCode.ListReply, UsbIpOutcome.Good).Write(answer);
        BinaryPrimitives.WriteInt32BigEndian(answer.AsSpan(UsbIpOperation.Size), _exports.Count);
        Span<byte> entries = answer.AsSpan(UsbIpOperation.Size + CountBytes);
        foreach (UsbIpExport export in _exports.Values)
        {
            export.Device.Write(entries);
            entries = entries[UsbIpDevice.Size..];
            foreach (ClassCode code in export.Adapter.Descriptors.Interfaces)
            {
                UsbIpDevice.WriteInterface(entries, code);
                entries = entries[UsbIpDevice.InterfaceSize..];
            }
        }

        return answer;
    }

    private void OnGreetingEnded(UsbIpGreeting greeting, string? reason)
    {
        _ = _greetings.Remove(greeting);
        greeting.Dispose();
        if (reason is not null && _limit.Pass(out _))
        {
            LogNoRequest(greeting.Peer, reason);
        }
    }

    /// <summary>Out of descriptors, say: nobody tells when that is over, and the client waits. Said once for as long as it lasts.</summary>
    private void RetryUnlessEmpty(PosixResult result)
    {
        if (result.IsAgain)
        {
            _isShort = false;
            return;
        }

        if (!_isShort && _shortLimit.Pass(out _))
        {
            LogAcceptFailed(result.Message);
        }

        _isShort = true;
        _loop.Set(_acceptAgain, RetryTime);
    }

    private static string Advice(Errno error) => error switch
    {
        Errno.AddressInUse => "; another server of USB/IP (usbipd) may be there: choose another port",
        Errno.AddressNotAvailable => "; choose an address of this machine",
        _ => "",
    };

    [LoggerMessage(162, LogLevel.Information, "usbip: listening on {Endpoint}")]
    private partial void LogListening(UsbIpEndpoint endpoint);

    [LoggerMessage(163, LogLevel.Warning, "usbip: whoever reaches {Endpoint} may import the adapters and read what passes: USB/IP has neither passwords nor encryption")]
    private partial void LogOpen(UsbIpEndpoint endpoint);

    [LoggerMessage(164, LogLevel.Information, "usbip {BusId}: imported by the client at {Peer}: {Product}")]
    private partial void LogImported(string busId, string peer, string product);

    [LoggerMessage(165, LogLevel.Warning, "usbip {BusId}: the client at {Peer} is refused: {Reason}")]
    private partial void LogRefused(string busId, string peer, string reason);

    [LoggerMessage(166, LogLevel.Warning, "usbip: the connection to the client at {Peer} ends: {Reason}")]
    private partial void LogNoRequest(string peer, string reason);

    [LoggerMessage(167, LogLevel.Error, "usbip: a client cannot be accepted: {Reason}")]
    private partial void LogAcceptFailed(string reason);
}
