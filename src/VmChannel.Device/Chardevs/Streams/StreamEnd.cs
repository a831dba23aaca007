using System.Net;
using Microsoft.Extensions.Logging;
using VmChannel.Device.Channels;
using VmChannel.Device.Loop;
using VmChannel.Device.Pipes;
using VmChannel.Native;

namespace VmChannel.Device.Chardevs.Streams;

/// <summary>A host end whose bytes async code moves, because the kernel alone cannot: TLS, WebSocket. Loop thread only.</summary>
/// <remarks>
/// One peer at a time. Between the guest and the peer stand at most <see cref="LoopPipe.CapacityBytes"/> each way. What was
/// taken from the guest and not yet handed to a peer's stream waits for the next peer; what a peer sent before it left is
/// read first, however late a guest program comes for it, as with a socket that the loop serves itself. What still waits
/// when the end is replaced or stops, and the one write that a peer's end may have cut off, are counted as lost.
/// </remarks>
public sealed partial class StreamEnd : HostEnd
{
    /// <summary>How long a peer may take, after the server stopped, for what is held for it.</summary>
    public static readonly TimeSpan StopTime = TimeSpan.FromSeconds(2);

    private readonly IStreamSource _source;
    private readonly DeviceLoop _loop;
    private readonly ILogger _log;
    private readonly LoopWake _wake;
    private readonly LoopPipe _pipe;
    private readonly LoopTurn _detach;
    private readonly Lock _lock = new();
    private readonly TaskCompletionSource _firstPeer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _serving = Task.CompletedTask;

    // Under the lock: it is stopped only between its beginning and its disposal, and none begins unstopped after that.
    private StreamConversation? _current;
    private bool _isStopping;
    private bool _isServing;
    private bool _isDisposed;

    private StreamConversation? _attached;
    private string? _endReason;
    private long _givenBytes;

    internal StreamEnd(IStreamSource source, DeviceLoop loop, ILogger log)
    {
        _source = source;
        _loop = loop;
        _log = log;
        _wake = new LoopWake(loop, Wake);
        _pipe = new LoopPipe(_wake.Request);
        _detach = new LoopTurn(DetachIfRead);
    }

    public override string Description => _source.Description;

    public override bool HasInput => _pipe.UnreadBytes() > 0;

    public override Task Ready => _source.IsAwaited ? _firstPeer.Task : Task.CompletedTask;

    /// <summary>After <see cref="HostEnd.Dispose()"/>: the last peer has what was held for it, or <see cref="StopTime"/> is over.</summary>
    public override Task Completion => _serving;

    /// <summary>Any thread: bytes taken from the guest that wait for a peer.</summary>
    internal long HeldBytes => _pipe.HeldBytes;

    /// <summary>Where it listens, when it does: with port 0 the system chose.</summary>
    public IPEndPoint? LocalAddress => (_source as StreamServer)?.LocalAddress;

    public override long Write(ReadOnlySpan<IoVector> source) => _pipe.IsInputEnded ? 0 : _pipe.Write(source);

    public override long Read(ReadOnlySpan<IoVector> destination)
    {
        long given = _pipe.Read(destination);
        _givenBytes += given;
        if (_endReason is not null)
        {
            _loop.Schedule(_detach);
        }

        return given;
    }

    /// <summary>The peer gets what is held for it, however long it takes for that; until then nobody else is served.</summary>
    public override void EndConnection(string reason)
    {
        if (_attached is not { } conversation)
        {
            return;
        }

        _attached = null;
        _endReason = null;
        conversation.Finish();
        Skip(long.MaxValue);
        SetOpen(false, $"{Description}: {reason}");
    }

    /// <summary>What the peer has sent can still be read; it leaves once it has what is held for it.</summary>
    public override long Retire()
    {
        StopServing();
        return _pipe.UnreadBytes();
    }

    protected override void OnStart()
    {
        _source.Start(who => _loop.Post(() => CountRefused(who)));
        _isServing = true;
        _serving = Task.Run(ServeAsync);
    }

    protected override void Dispose(bool disposing)
    {
        if (_isDisposed)
        {
            return;
        }

        base.Dispose(disposing);
        _wake.End();
        _pipe.EndOutput();
        StopServing();
        bool isLast;
        lock (_lock)
        {
            _isDisposed = true;
            isLast = !_isServing;
        }

        if (isLast)
        {
            _pipe.Close();
        }
    }

    /// <summary>Nobody new, and nothing more from who is there.</summary>
    private void StopServing()
    {
        lock (_lock)
        {
            if (_isStopping)
            {
                return;
            }

            _isStopping = true;
            _current?.Stop(StopTime);
        }

        _pipe.EndInput();
        _pipe.Cancellation.Cancel();
        _source.Dispose();
    }

    private void SetCurrent(StreamConversation? conversation)
    {
        lock (_lock)
        {
            _current = conversation;
            if (_isStopping)
            {
                conversation?.Stop(StopTime);
            }
        }
    }

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                await using StreamPeer peer = await _source.NextAsync(_pipe.Cancellation.Token);
                using StreamConversation conversation = new(peer, _pipe);
                SetCurrent(conversation);
                try
                {
                    _loop.Post(() => Attach(conversation));
                    await conversation.RunAsync(reason => _loop.Post(() => OnPeerEnded(conversation, reason)));
                }
                finally
                {
                    SetCurrent(null);
                }

                if (IsPaired)
                {
                    _loop.Post(() => Skip(conversation.ReceivedBytes - _givenBytes));
                    CountUnread(conversation.DroppedBytes);
                    DropHeld(peer.Who);
                }

                if (conversation.LostBytes > 0)
                {
                    CountLost(conversation.LostBytes);
                    LogLost(Description, conversation.LostBytes, peer.Who);
                }
            }
        }
        catch (OperationCanceledException) when (_pipe.Cancellation.IsCancellationRequested)
        {
        }
        catch (Exception e)
        {
            // A source that cannot go on: the channel stays closed and says why.
            _ = _firstPeer.TrySetException(e);
            ChardevLog.Failed(_log, e.Message);
            _loop.Post(() => SetOpen(false, e.Message));
        }

        if (_pipe.HeldBytes > 0)
        {
            CountLost(_pipe.HeldBytes);
            LogUndelivered(Description, _pipe.HeldBytes);
        }

        bool isLast;
        lock (_lock)
        {
            _isServing = false;
            isLast = _isDisposed;
        }

        if (isLast)
        {
            _pipe.Close();
        }
    }

    private void Attach(StreamConversation conversation)
    {
        if (_isStopping)
        {
            return;
        }

        _attached = conversation;
        _givenBytes = 0;
        _endReason = null;
        SetOpen(true, $"{Description} ({conversation.Peer.Who})");
        _ = _firstPeer.TrySetResult();
    }

    private void OnPeerEnded(StreamConversation conversation, string reason)
    {
        if (ReferenceEquals(conversation, _attached))
        {
            _endReason = reason;
            DetachIfRead();
        }
    }

    private void Skip(long bytes)
    {
        long skipped = bytes > 0 ? _pipe.Skip(bytes) : 0;
        _givenBytes += skipped;
        CountUnread(skipped);
    }

    /// <summary>What was taken from the guest for a peer that has left is for nobody else.</summary>
    private void DropHeld(string who)
    {
        long dropped = _pipe.DropHeld();
        if (dropped > 0)
        {
            CountLost(dropped);
            LogDropped(Description, dropped, who);
        }
    }

    private void DetachIfRead()
    {
        if (_endReason is string reason && _attached is { } conversation && _givenBytes == conversation.ReceivedBytes)
        {
            _endReason = null;
            _attached = null;
            SetOpen(false, $"{Description}: {reason}");
            conversation.SetRead();
        }
    }

    [LoggerMessage(92, LogLevel.Warning, "{Chardev}: {Bytes} bytes were being sent when the connection ({Peer}) ended; they are not sent again")]
    private partial void LogLost(string chardev, long bytes, string peer);

    [LoggerMessage(96, LogLevel.Information, "{Chardev}: {Bytes} bytes of the guest were for a connection ({Peer}) that has ended; they are dropped")]
    private partial void LogDropped(string chardev, long bytes, string peer);

    [LoggerMessage(93, LogLevel.Warning, "{Chardev}: stopped with {Bytes} bytes of the guest that nobody came for")]
    private partial void LogUndelivered(string chardev, long bytes);
}
