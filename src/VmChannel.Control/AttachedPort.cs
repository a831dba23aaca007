using System.Net.WebSockets;

namespace VmChannel.Control;

/// <summary>A port's bytes both ways, through the control API. Disposing it leaves the port.</summary>
/// <remarks>
/// A WebSocket whose messages are a byte stream: where one ends means nothing, and an empty one says that its sender has no
/// more. One thread may read while another writes.
/// </remarks>
public sealed class AttachedPort : IAsyncDisposable
{
    /// <summary>The header that says which client one has become.</summary>
    public const string ClientHeader = "VmChannel-Client";

    /// <summary>The <see cref="EndReason"/> of who attached until the guest closes the port, or to a port that ends connections then.</summary>
    public const string GuestClosed = "the guest's program closed the port";

    private static readonly TimeSpan LeaveTime = TimeSpan.FromSeconds(2);

    private readonly WebSocket _socket;
    private bool _isOver;

    internal AttachedPort(WebSocket socket, int clientId)
    {
        _socket = socket;
        ClientId = clientId;
    }

    /// <summary>Of this client, among those of the port (<see cref="ClientInfo.Id"/>).</summary>
    public int ClientId { get; }

    /// <summary>Why there is nothing more to read, for people; null before the end.</summary>
    public string? EndReason { get; private set; }

    /// <summary>Reads what the guest wrote.</summary>
    /// <param name="destination">Not empty.</param>
    /// <param name="cancellationToken">Breaks the connection.</param>
    /// <returns>Bytes read; 0 = the port has ended, or the server sent this client away: <see cref="EndReason"/>.</returns>
    public async ValueTask<int> ReadAsync(Memory<byte> destination, CancellationToken cancellationToken = default)
    {
        while (!_isOver)
        {
            try
            {
                ValueWebSocketReceiveResult received = await _socket.ReceiveAsync(destination, cancellationToken);
                if (received.MessageType == WebSocketMessageType.Close)
                {
                    End(string.IsNullOrEmpty(_socket.CloseStatusDescription) ? "the server ended it" : _socket.CloseStatusDescription);
                }
                else if (received.Count > 0)
                {
                    return received.Count;
                }
            }
            catch (Exception e) when (e is WebSocketException or IOException)
            {
                End("the connection to the server broke");
            }
        }

        return 0;
    }

    /// <summary>Sends bytes to the guest. Waits while the guest does not read.</summary>
    /// <returns>False when the port has ended.</returns>
    public ValueTask<bool> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
        => source.IsEmpty ? ValueTask.FromResult(!_isOver) : SendAsync(source, cancellationToken);

    /// <summary>Nothing more follows to the guest; what it writes still comes.</summary>
    public async ValueTask EndWritesAsync(CancellationToken cancellationToken = default)
        => _ = await SendAsync(ReadOnlyMemory<byte>.Empty, cancellationToken);

    /// <summary>Says goodbye: what was written before reaches the port, then <see cref="ReadAsync"/> comes to its end.</summary>
    public async ValueTask LeaveAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            await _socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, cancellationToken);
        }
        catch (Exception e) when (e is WebSocketException or IOException or ObjectDisposedException)
        {
            // It is over already.
        }
    }

    /// <summary>Leaves, and waits a moment for the server to know.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            using CancellationTokenSource limit = new(LeaveTime);
            await _socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, limit.Token);
        }
        catch (Exception e) when (e is WebSocketException or IOException or OperationCanceledException or InvalidOperationException)
        {
            // It is over either way.
        }

        _socket.Dispose();
    }

    private async ValueTask<bool> SendAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken)
    {
        try
        {
            await _socket.SendAsync(source, WebSocketMessageType.Binary, endOfMessage: true, cancellationToken);
            return true;
        }
        catch (Exception e) when (e is WebSocketException or IOException or ObjectDisposedException)
        {
            return false;
        }
    }

    private void End(string reason)
    {
        EndReason = reason;
        _isOver = true;
    }
}
