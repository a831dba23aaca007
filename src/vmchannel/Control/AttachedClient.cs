using System.Diagnostics.CodeAnalysis;
using System.Net.Sockets;
using System.Net.WebSockets;

namespace VmChannel.Cli.Control;

/// <summary>Passes bytes between a WebSocket and a socket whose other end is a client of a port. Holds one buffer each way.</summary>
[SuppressMessage("Usage", "CA2213", Justification = "Both sockets are the caller's.")]
internal sealed class AttachedClient : IDisposable
{
    private const int BufferBytes = 16 * 1024;
    private static readonly TimeSpan LeaveTime = TimeSpan.FromSeconds(5);

    private readonly WebSocket _socket;
    private readonly Socket _channel;
    private readonly Func<string> _whyEnded;
    private readonly CancellationTokenSource _over = new();
    private volatile bool _hasLeft;

    /// <param name="socket">The API's client; stays the caller's.</param>
    /// <param name="channel">One end of a socketpair; stays the caller's.</param>
    /// <param name="whyEnded">Says why the channel closed its end.</param>
    public AttachedClient(WebSocket socket, Socket channel, Func<string> whyEnded)
    {
        _socket = socket;
        _channel = channel;
        _whyEnded = whyEnded;
    }

    /// <summary>Passes bytes until either side leaves.</summary>
    /// <param name="stopping">The client's connection broke, or the server ends: the client is told the reason if it can be.</param>
    public async Task RunAsync(CancellationToken stopping)
    {
        await using CancellationTokenRegistration stop = stopping.Register(Hang);
        Task input = TakeAsync();
        Task output = GiveAsync();
        if (await Task.WhenAny(input, output) == input)
        {
            // What the client sent before is the channel's already, and is delivered.
            _hasLeft = true;
            Hang();
        }

        // The other direction ends by itself, unless the client neither reads nor answers.
        _over.CancelAfter(LeaveTime);
        await Task.WhenAll(input, output);
    }

    public void Dispose() => _over.Dispose();

    private void Hang()
    {
        try
        {
            _channel.Shutdown(SocketShutdown.Both);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It is closed already.
        }
    }

    /// <summary>From the client to the channel. Done when the client has left.</summary>
    private async Task TakeAsync()
    {
        byte[] buffer = new byte[BufferBytes];
        bool isEmpty = true;
        try
        {
            while (true)
            {
                ValueWebSocketReceiveResult received = await _socket.ReceiveAsync(buffer.AsMemory(), _over.Token);
                if (received.MessageType == WebSocketMessageType.Close)
                {
                    return;
                }

                await SendAsync(buffer.AsMemory(0, received.Count));
                isEmpty &= received.Count == 0;
                if (received.EndOfMessage)
                {
                    if (isEmpty)
                    {
                        _channel.Shutdown(SocketShutdown.Send);
                    }

                    isEmpty = true;
                }
            }
        }
        catch (Exception e) when (e is WebSocketException or IOException or OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The connection broke, or was given up.
        }
    }

    private async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            while (!bytes.IsEmpty)
            {
                bytes = bytes[await _channel.SendAsync(bytes, SocketFlags.None, _over.Token)..];
            }
        }
        catch (SocketException)
        {
            // The channel has ended: what the client sends until it knows goes nowhere.
        }
    }

    /// <summary>From the channel to the client. Done when the channel has ended, and the client was told why.</summary>
    private async Task GiveAsync()
    {
        byte[] buffer = new byte[BufferBytes];
        try
        {
            while (await _channel.ReceiveAsync(buffer.AsMemory(), SocketFlags.None, _over.Token) is int count and > 0)
            {
                await _socket.SendAsync(buffer.AsMemory(0, count), WebSocketMessageType.Binary, endOfMessage: true, _over.Token);
            }
        }
        catch (SocketException)
        {
            // A reset is an end like any other.
        }
        catch (Exception e) when (e is WebSocketException or IOException or OperationCanceledException)
        {
            return;
        }

        try
        {
            await (_hasLeft
                ? _socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, _over.Token)
                : _socket.CloseOutputAsync(WebSocketCloseStatus.EndpointUnavailable, _whyEnded(), _over.Token));
        }
        catch (Exception e) when (e is WebSocketException or IOException or OperationCanceledException)
        {
            // Nobody is left to be told.
        }
    }
}
