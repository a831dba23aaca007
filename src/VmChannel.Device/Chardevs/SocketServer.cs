using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using VmChannel.Device.Channels;
using VmChannel.Device.Loop;
using VmChannel.Native;

namespace VmChannel.Device.Chardevs;

/// <summary>A socket that others connect to.</summary>
/// <remarks>
/// One at a time is served by this end itself; while one is there the next waits in the listen queue. With several
/// (<see cref="Clients"/>) this end only listens: each of them is a client of the channel, which knows who gets what.
/// </remarks>
public abstract class SocketServer : Chardev, IReadiness
{
    private const int ShortestBacklog = 4;

    /// <summary>Strangers sent away in one turn; then others have theirs.</summary>
    private const int RefusalsPerTurn = 16;

    private static readonly TimeSpan AcceptRetry = TimeSpan.FromSeconds(1);

    private readonly TaskCompletionSource _firstClient = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly LoopTurn _accept;
    private readonly bool _waitsForClient;
    private readonly Queue<ConnectedChardev> _arrived = new();
    [SuppressMessage("Usage", "CA2213", Justification = "StopListening disposes it")]
    private FileDescriptor? _listener;
    [SuppressMessage("Usage", "CA2213", Justification = "StopListening disposes it")]
    private Registration? _registration;
    [SuppressMessage("Usage", "CA2213", Justification = "StopListening disposes it")]
    private LoopTimer? _retry;
    private int _clientCount;
    private ClientsSpec _clients = ClientsSpec.Single;
    private bool _isAcceptFailing;

    protected SocketServer(DeviceLoop loop, bool waitsForClient, ILogger log)
        : base(loop, log)
    {
        _waitsForClient = waitsForClient;
        _accept = new LoopTurn(TryAccept);
    }

    public override Task Ready => _waitsForClient ? _firstClient.Task : Task.CompletedTask;

    /// <summary>How many are taken at a time, and what they may do.</summary>
    public ClientsSpec Clients
    {
        get => _clients;
        init => _clients = value;
    }

    /// <summary>Clients that may wait unaccepted: at least as many as are taken, which may come all at once.</summary>
    protected int Backlog => Math.Max(ShortestBacklog, Clients.Count);

    /// <summary>Whoever came alone counts beside those who came since there may be several, and the other way round.</summary>
    private bool IsFull => _clientCount + (IsAttached ? 1 : 0) >= Clients.Count;

    private ClientAccess Access => Clients.Mode == ClientMode.First ? ClientAccess.Queued
        : Clients.AllMayWrite ? ClientAccess.Writer : ClientAccess.Shared;

    public void OnReady(EpollEvents events) => TryAccept();

    /// <summary>Others are taken as clients from now on. Those who are connected stay, with what they were given.</summary>
    public void Take(ClientsSpec clients)
    {
        _clients = clients;
        if (_listener is not null)
        {
            _ = StreamSocket.SetBacklog(_listener, Backlog);
            Loop.Schedule(_accept);
        }
    }

    public override ClientArrival? TakeClient() => _arrived.TryDequeue(out ConnectedChardev? client) ? new(client, Access) : null;

    protected override void OnStart()
    {
        _listener = Listen();
        _ = Loop.Add(_listener, EpollEvents.In, this, out _registration).OrThrow("epoll_ctl");
        ChardevLog.Listening(Log, Description);
    }

    /// <summary>Makes the listening socket.</summary>
    /// <exception cref="HostEndException">It cannot.</exception>
    protected abstract FileDescriptor Listen();

    /// <summary>Gives the listening socket's name back.</summary>
    protected virtual void StopListening()
    {
        _retry?.Dispose();
        _registration?.Dispose();
        _listener?.Dispose();
        _listener = null;
    }

    /// <summary>Prepares a client's socket and says who it is. Null: it may not stay.</summary>
    protected abstract string? Welcome(FileDescriptor client);

    /// <summary>In a turn of its own, so that the guest sees one client leave before it sees the next.</summary>
    protected override void OnDetached() => Loop.Schedule(_accept);

    protected override void OnRetired() => StopListening();

    protected override void Dispose(bool disposing)
    {
        StopListening();
        while (_arrived.TryDequeue(out ConnectedChardev? client))
        {
            client.Dispose();
        }

        base.Dispose(disposing);
    }

    private void TryAccept()
    {
        for (int refused = 0; _listener is not null && !IsFull;)
        {
            PosixResult result = UnixSocket.Accept(_listener, out FileDescriptor? client);
            if (!result.IsSuccess)
            {
                AcceptLater(result);
                return;
            }

            _isAcceptFailing = false;
            if (Welcome(client!) is string description)
            {
                Take(client!, description);
                _ = _firstClient.TrySetResult();
                continue;
            }

            client!.Dispose();
            if (++refused == RefusalsPerTurn)
            {
                Loop.Schedule(_accept);
                return;
            }
        }
    }

    private void Take(FileDescriptor client, string description)
    {
        if (Clients.Count == 1)
        {
            Attach(client, client, description);
            return;
        }

        _clientCount++;
        _arrived.Enqueue(new(Loop, client, description, Log) { IsTcp = EndOfInputCloses, Closed = OnClientClosed });
        Wake();
    }

    private void OnClientClosed()
    {
        _clientCount--;
        Loop.Schedule(_accept);
    }

    /// <summary>A client that left while it waited, or no descriptor to be had: neither is for ever.</summary>
    private void AcceptLater(PosixResult result)
    {
        if (result.IsAgain)
        {
            return;
        }

        if (!_isAcceptFailing)
        {
            _isAcceptFailing = true;
            ChardevLog.CannotAccept(Log, Description, result.Message);
        }

        _retry?.Dispose();
        _retry = Loop.After(AcceptRetry, TryAccept);
    }
}
