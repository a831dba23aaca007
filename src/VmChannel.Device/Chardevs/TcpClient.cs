using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using VmChannel.Device.Loop;
using VmChannel.Native;

namespace VmChannel.Device.Chardevs;

/// <summary><c>tcp:HOST:PORT</c>: connects to a TCP server. Looking up its name happens on the thread pool.</summary>
public sealed class TcpClient(DeviceLoop loop, TcpAddress address, bool noDelay, TimeSpan? reconnect, ILogger log)
    : SocketClient(loop, reconnect, log), IReadiness
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(10);

    private readonly Queue<IPAddress> _candidates = new();
    private FileDescriptor? _connecting;
    private Registration? _registration;
    private LoopTimer? _timeout;
    private IPAddress? _candidate;

    public override string Description { get; } = $"tcp:{address}";

    protected override bool EndOfInputCloses => true;

    /// <summary>The connection was made, or refused.</summary>
    public void OnReady(EpollEvents events)
    {
        if (_connecting is null || (events & (EpollEvents.Out | EpollEvents.HangUp | EpollEvents.Error)) == 0)
        {
            return;
        }

        Errno error = UnixSocket.TakeError(_connecting);
        FileDescriptor socket = EndAttempt()!;
        if (error == Errno.None)
        {
            Succeed(socket);
            return;
        }

        socket.Dispose();
        TryNext(new PosixResult(-1, error).Message);
    }

    protected override void BeginConnect()
    {
        if (address.Literal() is IPAddress[] literal)
        {
            Try(literal);
            return;
        }

        _ = address.ResolveAsync().ContinueWith(
            resolved => Loop.Post(() => OnResolved(resolved)),
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
    }

    protected override void Dispose(bool disposing)
    {
        EndAttempt()?.Dispose();
        base.Dispose(disposing);
    }

    private void OnResolved(Task<IPAddress[]> resolved)
    {
        if (IsDisposed)
        {
            return;
        }

        if (resolved.IsCompletedSuccessfully)
        {
            Try(resolved.Result);
        }
        else
        {
            string reason = resolved.Exception?.InnerException is SocketException e ? e.Message : "no answer";
            Failed($"{Description}: cannot find the host: {reason}");
        }
    }

    private void Try(IPAddress[] addresses)
    {
        _candidates.Clear();
        foreach (IPAddress candidate in addresses)
        {
            _candidates.Enqueue(candidate);
        }

        TryNext("the host has no address of the allowed kind");
    }

    private void TryNext(string reasonOfLast)
    {
        while (_candidates.TryDequeue(out _candidate))
        {
            PosixResult result = StreamSocket.Connect(new IPEndPoint(_candidate, address.Port), out FileDescriptor? socket);
            if (result.IsSuccess)
            {
                Succeed(socket!);
                return;
            }

            if (result.Error == Errno.InProgress)
            {
                _connecting = socket;
                _timeout = Loop.After(ConnectTimeout, OnTimeout);
                _ = Loop.Add(socket!, EpollEvents.Out, this, out _registration).OrThrow("epoll_ctl");
                return;
            }

            reasonOfLast = result.Message;
        }

        Failed($"{Description}: cannot connect: {reasonOfLast}");
    }

    private void OnTimeout()
    {
        EndAttempt()?.Dispose();
        TryNext("no answer");
    }

    private void Succeed(FileDescriptor socket)
    {
        if (noDelay)
        {
            _ = StreamSocket.SetNoDelay(socket);
        }

        Connected(socket, $"{Description} ({_candidate})");
    }

    private FileDescriptor? EndAttempt()
    {
        _timeout?.Dispose();
        _registration?.Dispose();
        _registration = null;
        FileDescriptor? socket = _connecting;
        _connecting = null;
        return socket;
    }
}
