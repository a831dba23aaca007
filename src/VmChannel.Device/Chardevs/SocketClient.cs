using Microsoft.Extensions.Logging;
using VmChannel.Device.Channels;
using VmChannel.Device.Loop;
using VmChannel.Native;

namespace VmChannel.Device.Chardevs;

/// <summary>A socket that connects to a server on the host, and comes back to it when it was asked to (<c>reconnect-ms=</c>).</summary>
public abstract class SocketClient : Chardev
{
    private readonly TimeSpan? _reconnect;
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private LoopTimer? _timer;
    private bool _isStarting;
    private bool _isFailureKnown;

    /// <param name="loop">The loop that serves it.</param>
    /// <param name="reconnect">Time between two attempts; null: one attempt, one connection.</param>
    /// <param name="log">Receives what goes wrong.</param>
    protected SocketClient(DeviceLoop loop, TimeSpan? reconnect, ILogger log)
        : base(loop, log)
    {
        _reconnect = reconnect;
        if (reconnect is not null)
        {
            _ready.SetResult();
        }
    }

    /// <summary>Without <c>reconnect-ms=</c> the server has to be there.</summary>
    public override Task Ready => _ready.Task;

    protected override void OnStart()
    {
        _isStarting = true;
        try
        {
            BeginConnect();
        }
        finally
        {
            _isStarting = false;
        }
    }

    /// <summary>Begins one attempt that ends, now or later on the loop thread, in Connected, Failed or Later.</summary>
    protected abstract void BeginConnect();

    protected void Connected(FileDescriptor socket, string detail)
    {
        _isFailureKnown = false;
        Attach(socket, socket, detail);
        _ = _ready.TrySetResult();
    }

    /// <summary>The attempt failed; the message is for people.</summary>
    /// <exception cref="HostEndException">Still inside Start, and there will be no other attempt.</exception>
    protected void Failed(string message)
    {
        if (_reconnect is TimeSpan interval)
        {
            if (!_isFailureKnown)
            {
                _isFailureKnown = true;
                ChardevLog.Retrying(Log, message, (long)interval.TotalMilliseconds);
            }

            SetOpen(false, message);
            Later(interval);
            return;
        }

        HostEndException failure = new($"{message}; start the server first, or let it be awaited with reconnect-ms=1000");
        if (_isStarting)
        {
            throw failure;
        }

        // Who waits for it is told, and there may be nobody: it replaced another end, say.
        _ = _ready.TrySetException(failure);
        ChardevLog.Failed(Log, message);
        SetOpen(false, message);
    }

    /// <summary>Another attempt after this time.</summary>
    protected void Later(TimeSpan delay)
    {
        _timer?.Dispose();
        _timer = Loop.After(delay, BeginConnect);
    }

    protected override void OnDetached()
    {
        if (_reconnect is TimeSpan interval)
        {
            Later(interval);
        }
    }

    protected override void OnRetired() => _timer?.Dispose();

    protected override void Dispose(bool disposing)
    {
        _timer?.Dispose();
        base.Dispose(disposing);
    }
}
