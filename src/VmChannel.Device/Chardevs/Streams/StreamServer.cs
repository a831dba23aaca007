using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using VmChannel.Device.Loop;

namespace VmChannel.Device.Chardevs.Streams;

/// <summary>A TCP port whose clients have to shake hands first. Handshakes go on side by side and within a time limit.</summary>
/// <remarks>
/// While one client is served the next ones shake hands and wait, in the order in which they were done. Who would be one too
/// many waits in the listen queue.
/// </remarks>
[SuppressMessage("Usage", "CA2213", Justification = "handshakes that are ending still use them, and they hold no handle")]
internal sealed partial class StreamServer : IStreamSource
{
    /// <summary>Clients that shake hands or wait for their turn.</summary>
    public const int MaxWaiting = 16;

    private static readonly TimeSpan AcceptRetry = TimeSpan.FromSeconds(1);

    private readonly ChardevSpec.Tcp _spec;
    private readonly bool _noDelay;
    private readonly StreamLayers _layers;
    private readonly ILogger _log;
    private readonly LogLimit _limit = new(burst: 1);
    private readonly System.Threading.Channels.Channel<StreamPeer> _greeted = System.Threading.Channels.Channel.CreateUnbounded<StreamPeer>();
    private readonly SemaphoreSlim _room = new(MaxWaiting);
    private readonly CancellationTokenSource _stop = new();
    private Socket? _listener;
    private Action<string>? _tellRefused;

    public StreamServer(ChardevSpec.Tcp spec, StreamLayers layers, ILogger log)
    {
        _spec = spec;
        _noDelay = spec.NoDelay || spec.WebSocket is not null;
        _layers = layers;
        _log = log;
        IsAwaited = spec.WaitsForClient;
        Description = spec.ToString();
    }

    public string Description { get; private set; }

    public bool IsAwaited { get; }

    /// <summary>How long a client may take until it is one.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Where it listens: with port 0 the system chose.</summary>
    public IPEndPoint? LocalAddress { get; private set; }

    public void Start(Action<string> refused)
    {
        _tellRefused = refused;
        _layers.Start();
        _listener = TcpListening.Open(_spec.Address, MaxWaiting, Description);
        LocalAddress = (IPEndPoint)_listener.LocalEndPoint!;
        Description = (_spec with { Address = _spec.Address with { Port = LocalAddress.Port } }).ToString();
        ChardevLog.Listening(_log, Description);
        _ = Task.Run(AcceptAsync);
    }

    public async Task<StreamPeer> NextAsync(CancellationToken cancellation)
    {
        StreamPeer peer = await _greeted.Reader.ReadAsync(cancellation);
        _ = _room.Release();
        return peer;
    }

    public void Dispose()
    {
        _stop.Cancel();
        _listener?.Dispose();
        _ = _greeted.Writer.TryComplete();
        _ = DropWaitingAsync();
    }

    private async Task DropWaitingAsync()
    {
        while (_greeted.Reader.TryRead(out StreamPeer? peer))
        {
            await peer.DisposeAsync();
        }
    }

    private async Task AcceptAsync()
    {
        bool isFailing = false;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await _room.WaitAsync(_stop.Token);
                Socket client = await AcceptOneAsync();
                isFailing = false;
                _ = GreetAsync(client);
            }
            catch (SocketException e) when (!_stop.IsCancellationRequested)
            {
                // A client that left while it waited, or no descriptor to be had: neither is for ever.
                if (!isFailing)
                {
                    isFailing = true;
                    ChardevLog.CannotAccept(_log, Description, e.Message);
                }

                await Task.Delay(AcceptRetry, CancellationToken.None);
            }
            catch (Exception) when (_stop.IsCancellationRequested)
            {
                return;
            }
        }
    }

    private async Task<Socket> AcceptOneAsync()
    {
        try
        {
            return await _listener!.AcceptAsync(_stop.Token);
        }
        catch
        {
            _ = _room.Release();
            throw;
        }
    }

    private async Task GreetAsync(Socket client)
    {
        string who = "that left";
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        limit.CancelAfter(HandshakeTimeout);
        NetworkStream connection;
        try
        {
            who = $"from {client.RemoteEndPoint}";
            StreamSockets.Prepare(client, _noDelay);
            connection = new NetworkStream(client, ownsSocket: true);
            StreamPeer peer = await _layers.ShakeHandsAsync(connection, who, limit.Token);
            if (!_greeted.Writer.TryWrite(peer))
            {
                await peer.DisposeAsync();
            }
        }
        catch (Exception e)
        {
            client.Dispose();
            _ = _room.Release();
            if (!_stop.IsCancellationRequested)
            {
                Refuse(who, e is OperationCanceledException ? $"no handshake within {HandshakeTimeout.TotalSeconds} s" : e.Message);
            }
        }
    }

    private void Refuse(string who, string reason)
    {
        _tellRefused?.Invoke($"{who}: {reason}");
        if (_limit.Pass(out long held))
        {
            LogRefused(Description, who, reason, held == 0 ? "" : $" ({held} others since the last such line)");
        }
    }

    [LoggerMessage(90, LogLevel.Warning, "{Chardev}: refused a client {Who}: {Reason}{Others}")]
    private partial void LogRefused(string chardev, string who, string reason, string others);
}
