using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using VmChannel.Cli.Metrics;
using VmChannel.Cli.Serve;
using VmChannel.Native;

namespace VmChannel.Cli.Control;

/// <summary>The control API on listening sockets. The web server behind it is started by the first connection.</summary>
/// <remarks>Until then a sleeping thread is all it costs: a server that nobody asks anything stays as small as it was.</remarks>
internal sealed partial class ControlServer : IAsyncDisposable
{
    private const int MaxBodyBytes = 64 * 1024;
    private const int MaxConnections = 1024;
    private const int StackBytes = 256 * 1024;
    private static readonly TimeSpan HeadersTimeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan StopTime = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan RetryTime = TimeSpan.FromMilliseconds(500);

    private readonly ServerMetrics _metrics;
    private readonly ControlApplication _application;
    private readonly IReadOnlyList<FileDescriptor> _listeners;
    private readonly FileDescriptor _wake = EventFd.Create();
    private readonly CancellationTokenSource _stopping = new();
    private readonly ILogger _log;
    private readonly Thread _watch;
    private KestrelServer? _kestrel;

    /// <param name="server">What requests are about.</param>
    /// <param name="listeners">Where clients connect; they stay their owner's.</param>
    /// <param name="log">Failures.</param>
    public ControlServer(Server server, ControlListeners listeners, ILoggerFactory log)
    {
        _log = log.CreateLogger<ControlServer>();
        _listeners = listeners.Sockets;
        _metrics = new ServerMetrics(server);
        _application = new ControlApplication(server, listeners.Token, _metrics, _log, _stopping.Token);
        _watch = new Thread(WatchListeners, StackBytes) { Name = "control", IsBackground = true };
        if (_listeners.Count > 0)
        {
            _watch.Start();
        }
    }

    /// <summary>Somebody connected, so the web server runs.</summary>
    public bool IsAwake => Volatile.Read(ref _kestrel) is not null;

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _ = EventFd.Signal(_wake);
        if (_listeners.Count > 0)
        {
            _watch.Join();
        }

        if (_kestrel is not null)
        {
            using CancellationTokenSource limit = new(StopTime);
            await _kestrel.StopAsync(limit.Token);
            _kestrel.Dispose();
        }

        _metrics.Dispose();
        _wake.Dispose();
        _stopping.Dispose();
    }

    private void WatchListeners()
    {
        PollEntry[] entries = [new(_wake.Number, PollEvents.In), .. _listeners.Select(listener => new PollEntry(listener.Number, PollEvents.In))];
        string? told = null;
        while (!_stopping.IsCancellationRequested)
        {
            if (Poll.Wait(entries, Timeout.InfiniteTimeSpan).Value <= 0 || _stopping.IsCancellationRequested)
            {
                continue;
            }

            try
            {
                StartKestrel();
                return;
            }
            catch (OperationCanceledException)
            {
                // Told to stop meanwhile.
            }
            catch (Exception e) when (e is IOException or SocketException or InvalidOperationException)
            {
                // As when no descriptor is left: whoever waits is answered once there are some.
                if (told != e.Message)
                {
                    LogFailed(e.Message);
                    told = e.Message;
                }

                _ = Poll.Wait([entries[0]], RetryTime);
            }
        }
    }

    private void StartKestrel()
    {
        KestrelServerOptions options = new() { AddServerHeader = false };
        options.Limits.MaxRequestBodySize = MaxBodyBytes;
        options.Limits.MaxConcurrentConnections = MaxConnections;
        options.Limits.MaxConcurrentUpgradedConnections = MaxConnections;
        options.Limits.MaxRequestHeadersTotalSize = 16 * 1024;
        options.Limits.MaxRequestLineSize = 4 * 1024;
        options.Limits.RequestHeadersTimeout = HeadersTimeout;
        SocketTransportOptions sockets = new() { CreateBoundListenSocket = BindDuplicate };
        foreach (FileDescriptor listener in _listeners)
        {
            options.ListenHandle((ulong)listener.Number, listen => listen.Protocols = HttpProtocols.Http1);
        }

        KestrelServer kestrel = new(Options.Create(options), new SocketTransportFactory(Options.Create(sockets), NullLoggerFactory.Instance), NullLoggerFactory.Instance);
        try
        {
            kestrel.StartAsync(_application, _stopping.Token).GetAwaiter().GetResult();
        }
        catch
        {
            // With what it listens on already.
            kestrel.Dispose();
            throw;
        }

        Volatile.Write(ref _kestrel, kestrel);
    }

    /// <summary>Made when the transport takes it, which closes what it is given: a start that fails before leaves nothing open.</summary>
    private static Socket BindDuplicate(EndPoint endpoint)
    {
        _ = FileDescriptor.Duplicate((int)((FileHandleEndPoint)endpoint).FileHandle, out FileDescriptor? given).OrThrow("duplicate a descriptor");
        Socket socket = new(new SafeSocketHandle(given!.Number, ownsHandle: true));
        given.SetHandleAsInvalid();
        return socket;
    }

    [LoggerMessage(131, LogLevel.Error, "the control API cannot start: {Reason}; tries again")]
    private partial void LogFailed(string reason);
}
