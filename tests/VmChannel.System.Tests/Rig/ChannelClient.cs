using System.Net.Sockets;
using System.Text;

namespace VmChannel.SystemTests.Rig;

/// <summary>A program at the host end of a channel, connected to its socket.</summary>
internal sealed class ChannelClient : IDisposable
{
    private readonly Socket _socket;

    private ChannelClient(Socket socket)
    {
        _socket = socket;
        Stream = new NetworkStream(socket);
    }

    public NetworkStream Stream { get; }

    public static ChannelClient Connect(string path) => Connect(new UnixDomainSocketEndPoint(path));

    public static ChannelClient Connect(System.Net.EndPoint address)
    {
        Socket socket = new(address.AddressFamily, SocketType.Stream, address.AddressFamily == AddressFamily.Unix ? ProtocolType.Unspecified : ProtocolType.Tcp);
        socket.Connect(address);
        return new(socket);
    }

    /// <summary>Whether somebody accepts at a path: a socket is there a moment before it can be connected to.</summary>
    public static bool CanConnect(string path)
    {
        using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    public static ChannelClient Of(Socket socket) => new(socket);

    public async Task SendAsync(string text) => await Stream.WriteAsync(Encoding.UTF8.GetBytes(text));

    /// <summary>Receives as many bytes as this text has, which must be this text.</summary>
    public async Task ExpectAsync(string text)
    {
        byte[] bytes = new byte[Encoding.UTF8.GetByteCount(text)];
        using CancellationTokenSource limit = new(Patience.Short);
        int count = await Stream.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, limit.Token);
        Assert.Equal(text, Encoding.UTF8.GetString(bytes, 0, count));
    }

    /// <summary>Receives all that comes until the channel ends the connection.</summary>
    public async Task<string> ReceiveToEndAsync()
    {
        using MemoryStream all = new();
        using CancellationTokenSource limit = new(Patience.Short);
        await Stream.CopyToAsync(all, limit.Token);
        return Encoding.UTF8.GetString(all.ToArray());
    }

    /// <summary>Says that it takes no more; what was sent before can still be read, to the end.</summary>
    public void StopReceiving() => _socket.Shutdown(SocketShutdown.Receive);

    public void Dispose()
    {
        Stream.Dispose();
        _socket.Dispose();
    }
}
