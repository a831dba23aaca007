using System.Net.Sockets;
using VmChannel.Mux;

namespace VmChannel.Cli.Http;

/// <summary>One connection and its stream: bytes both ways, each way ended by itself, and both at once when one breaks.</summary>
internal sealed class ForwardedConnection(Socket socket, Stream local, MuxStream remote)
{
    private const int BufferBytes = 64 * 1024;

    public long ToGuest { get; private set; }

    public long FromGuest { get; private set; }

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using CancellationTokenSource broken = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task[] ways = [SendAsync(broken.Token), ReceiveAsync(broken.Token)];
        if (await Task.WhenAny(ways) is { IsCompletedSuccessfully: false })
        {
            remote.Abort();
            socket.LingerState = new LingerOption(true, 0);
            await broken.CancelAsync();
        }

        await Task.WhenAll(ways);
    }

    private async Task SendAsync(CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[BufferBytes];
        while (await local.ReadAsync(buffer, cancellationToken) is int count and > 0)
        {
            await remote.WriteAsync(buffer.AsMemory(0, count), cancellationToken);
            ToGuest += count;
        }

        remote.EndWrites();
    }

    private async Task ReceiveAsync(CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[BufferBytes];
        while (await remote.ReadAsync(buffer, cancellationToken) is int count and > 0)
        {
            await local.WriteAsync(buffer.AsMemory(0, count), cancellationToken);
            FromGuest += count;
        }

        socket.Shutdown(SocketShutdown.Send);
    }
}
