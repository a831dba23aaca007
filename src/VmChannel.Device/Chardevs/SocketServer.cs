using Microsoft.Extensions.Logging;
using VmChannel.Device.Loop;
using VmChannel.Native;

namespace VmChannel.Device.Chardevs;

/// <summary>A socket that others connect to, one at a time: while one is there the next waits in the listen queue.</summary>
public abstract class SocketServer : Chardev, IReadiness
{
    /// <summary>Clients that may wait.</summary>
    protected const int Backlog = 4;

    /// <summary>Strangers sent away in one turn; then others have theirs.</summary>
    private const int RefusalsPerTurn = 16;

    private static readonly TimeSpan AcceptRetry = TimeSpan.FromSeconds(1);

    private readonly TaskCompletionSource _firstClient = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly LoopTurn _accept;
    private readonly bool _waitsForClient;
    private FileDescriptor? _listener;
    private Registration? _registration;
    private LoopTimer? _retry;
    private bool _isAcceptFailing;

    protected SocketServer(DeviceLoop loop, bool waitsForClient, ILogger log)
        : base(loop, log)
    {
        _waitsForClient = waitsForClient;
        _accept = new LoopTurn(TryAccept);
    }

    public override Task Ready => _waitsForClient ? _firstClient.Task : Task.CompletedTask;

    public void OnReady(EpollEvents events) => TryAccept();

    protected override void OnStart()
    {
        _listener = Listen();
        _ = Loop.Add(_listener, EpollEvents.In, this, out _registration).OrThrow("epoll_ctl");
        ChardevLog.Listening(Log, Description);
    }

    /// <summary>Makes the listening socket.</summary>
    /// <exception cref="Channels.HostEndException">It cannot.</exception>
    protected abstract FileDescriptor Listen();

    /// <summary>Prepares a client's socket and says who it is. Null: it may not stay.</summary>
    protected abstract string? Welcome(FileDescriptor client);

    /// <summary>In a turn of its own, so that the guest sees one client leave before it sees the next.</summary>
    protected override void OnDetached() => Loop.Schedule(_accept);

    protected override void Dispose(bool disposing)
    {
        _retry?.Dispose();
        _registration?.Dispose();
        _listener?.Dispose();
        _listener = null;
        base.Dispose(disposing);
    }

    private void TryAccept()
    {
        for (int refused = 0; _listener is not null && !IsAttached;)
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
                Attach(client, client, description);
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
