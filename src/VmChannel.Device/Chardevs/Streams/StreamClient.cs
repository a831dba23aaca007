using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using VmChannel.Device.Channels;

namespace VmChannel.Device.Chardevs.Streams;

/// <summary>Connects to a TCP server and shakes hands, and does so again when it was asked to (<c>reconnect-ms=</c>).</summary>
internal sealed class StreamClient : IStreamSource
{
    /// <summary>For one attempt: name, connection, handshakes.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly TcpAddress _address;
    private readonly bool _noDelay;
    private readonly TimeSpan? _reconnect;
    private readonly StreamLayers _layers;
    private readonly ILogger _log;
    private bool _wasConnected;
    private bool _isFailureKnown;

    public StreamClient(ChardevSpec.Tcp spec, StreamLayers layers, ILogger log)
    {
        _address = spec.Address;
        _noDelay = spec.NoDelay || spec.WebSocket is not null;
        _reconnect = spec.Reconnect;
        _layers = layers;
        _log = log;
        Description = spec.ToString();
    }

    public string Description { get; }

    /// <summary>Without <c>reconnect-ms=</c> the server has to be there.</summary>
    public bool IsAwaited => _reconnect is null;

    public void Start(Action<string> refused) => _layers.Start();

    public async Task<StreamPeer> NextAsync(CancellationToken cancellation)
    {
        if (_wasConnected)
        {
            await Task.Delay(_reconnect ?? Timeout.InfiniteTimeSpan, cancellation);
        }

        while (true)
        {
            string reason;
            try
            {
                StreamPeer peer = await ConnectAsync(cancellation);
                _wasConnected = true;
                _isFailureKnown = false;
                return peer;
            }
            catch (Exception e) when (!cancellation.IsCancellationRequested)
            {
                reason = $"{Description}: cannot connect: {(e is OperationCanceledException ? "no answer" : Explain(e))}";
            }

            if (_reconnect is not TimeSpan interval)
            {
                throw new HostEndException($"{reason}; start the server first, or let it be awaited with reconnect-ms=1000");
            }

            if (!_isFailureKnown)
            {
                _isFailureKnown = true;
                ChardevLog.Retrying(_log, reason, (long)interval.TotalMilliseconds);
            }

            await Task.Delay(interval, cancellation);
        }
    }

    public void Dispose()
    {
    }

    /// <summary>The first message that says what happened: those around it say only that something did.</summary>
    private static string Explain(Exception failure) => failure is System.Net.WebSockets.WebSocketException { InnerException: Exception inner }
        ? Explain(inner)
        : failure.Message;

    private async Task<StreamPeer> ConnectAsync(CancellationToken cancellation)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Patience);
        IPAddress[] candidates = _address.Literal() ?? await _address.ResolveAsync();
        Exception last = new IOException("the host has no address of the allowed kind");
        foreach (IPAddress candidate in candidates)
        {
            Socket socket = new(candidate.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                StreamSockets.Prepare(socket, _noDelay);
                await socket.ConnectAsync(new IPEndPoint(candidate, _address.Port), limit.Token);
            }
            catch (SocketException e)
            {
                socket.Dispose();
                last = e;
                continue;
            }
            catch
            {
                socket.Dispose();
                throw;
            }

            return await _layers.ShakeHandsAsync(new NetworkStream(socket, ownsSocket: true), candidate.ToString(), limit.Token);
        }

        throw last;
    }
}
