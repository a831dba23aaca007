using Microsoft.Extensions.Logging;
using VmChannel.Device.Channels;
using VmChannel.Device.Loop;
using VmChannel.Device.Pipes;
using VmChannel.Native;

namespace VmChannel.Device.Services;

/// <summary>Serves a port by a service: one session of async code for each time a guest program has the port open. Loop thread only.</summary>
/// <remarks>
/// Sessions never overlap. A guest's close can overtake bytes that are still on its ring, so a session's input ends only
/// when the transport says that the ring is drained, or when the next program opens the port.
/// A service that fails closes the port, and is tried again after a pause that doubles from <see cref="FirstPause"/> to
/// <see cref="LongestPause"/> and starts over after a session that lasted longer than that.
/// </remarks>
public sealed partial class ServiceEnd : HostEnd
{
    public static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);
    public static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(10);

    /// <summary>How long a session may go on after the server stopped, to store what it already holds.</summary>
    public static readonly TimeSpan StopTime = TimeSpan.FromSeconds(2);

    private readonly IService _service;
    private readonly DeviceLoop _loop;
    private readonly ILogger _log;
    private readonly LoopWake _lookAgain;
    private readonly RetryPause _retry = new(FirstPause, LongestPause);
    private LoopPipe? _session;
    private Task _running = Task.CompletedTask;
    private LoopTimer? _pause;
    private long _sessionBegan;
    private bool _isGuestOpen;
    private bool _isServed;
    private bool _isDisposed;

    public ServiceEnd(IService service, DeviceLoop loop, ILogger log)
    {
        _service = service;
        _loop = loop;
        _log = log;
        _lookAgain = new LoopWake(loop, Wake);
    }

    public override bool HasInput => _isServed && _isGuestOpen && _session!.UnreadBytes() > 0;

    public override string Description => $"service {_service.Name}";

    /// <summary>What serves the sessions. Any thread.</summary>
    public IService Service => _service;

    /// <summary>After <see cref="HostEnd.Dispose()"/>: the end of the last session, at most <see cref="StopTime"/> and a little later.</summary>
    public override Task Completion => _running;

    public override long Write(ReadOnlySpan<IoVector> source)
    {
        if (_session is null && IsOpen)
        {
            Begin();
        }

        if (_session is null || _session.IsInputEnded)
        {
            return 0;
        }

        return _session.Write(source);
    }

    public override long Read(ReadOnlySpan<IoVector> destination) => _isServed && _isGuestOpen ? _session!.Read(destination) : 0;

    public override void OnGuestOpen(bool isOpen)
    {
        _isGuestOpen = isOpen;
        if (!isOpen)
        {
            // Nothing may wait for a reader that is gone.
            _isServed = false;
            _session?.EndOutput();
        }
        else if (_session is null)
        {
            Begin();
        }
        else if (_session.IsOutputEnded)
        {
            _session.EndInput();
        }
        else
        {
            _isServed = true;
        }
    }

    public override void OnGuestDrained() => _session?.EndInput();

    /// <summary>What the service has written can still be read; its session ends with the disposal.</summary>
    public override long Retire() => _isServed && _isGuestOpen ? _session!.UnreadBytes() : 0;

    protected override void OnStart()
    {
        _service.Start();
        SetOpen(true, null);
    }

    protected override void Dispose(bool disposing)
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        _lookAgain.End();
        base.Dispose(disposing);
        _pause?.Dispose();
        _service.Stop();
        if (_session is not null)
        {
            _session.EndOutput();
            _session.EndInput();
            _session.Cancellation.CancelAfter(StopTime);
        }
    }

    private void Begin()
    {
        if (!IsOpen || _isDisposed)
        {
            return;
        }

        LoopPipe session = new(_lookAgain.Request);
        _session = session;
        _isServed = _isGuestOpen;
        _sessionBegan = Environment.TickCount64;
        _running = Task.Run(() => RunAsync(session));
        _lookAgain.Request();
    }

    private async Task RunAsync(LoopPipe session)
    {
        Exception? failure = null;
        try
        {
            await _service.RunAsync(session, session.Cancellation.Token);
        }
        catch (OperationCanceledException) when (session.Cancellation.IsCancellationRequested)
        {
        }
        catch (Exception e)
        {
            failure = e;
        }

        // After a disposal the loop may never run again, and its owner waits for Completion only.
        if (!Volatile.Read(ref _isDisposed))
        {
            _loop.Post(() => OnEnded(session, failure));
        }
    }

    private void OnEnded(LoopPipe session, Exception? failure)
    {
        bool isUnasked = !session.IsInputEnded && !session.IsOutputEnded;
        long unread = session.HeldBytes;
        if (_isDisposed)
        {
            return;
        }

        session.Close();
        _session = null;
        _isServed = false;

        if (failure is null && !isUnasked)
        {
            _retry.Reset();
            if (_isGuestOpen)
            {
                Begin();
            }

            Wake();
            return;
        }

        TimeSpan pause = _retry.Take(TimeSpan.FromMilliseconds(Environment.TickCount64 - _sessionBegan));
        LogEnded(_service.Name, failure?.Message ?? "it ended the session", unread, pause.TotalSeconds);
        SetOpen(false, failure?.Message);
        _pause = _loop.After(pause, OnPauseOver);
    }

    private void OnPauseOver()
    {
        if (!_isDisposed)
        {
            SetOpen(true, null);
            if (_isGuestOpen && _session is null)
            {
                Begin();
            }
        }
    }

    [LoggerMessage(60, LogLevel.Warning, "service {Service} stopped: {Reason}; {UnreadBytes} bytes unread; again in {PauseSeconds} s")]
    private partial void LogEnded(string service, string reason, long unreadBytes, double pauseSeconds);
}
