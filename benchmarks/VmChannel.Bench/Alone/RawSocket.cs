using VmChannel.Native;

namespace VmChannel.Bench.Alone;

/// <summary>What the machine can do at best: two threads, one unix socket, nothing between them.</summary>
internal sealed class RawSocket : IDisposable
{
    private readonly HostPeer _near;
    private readonly HostPeer _far;

    public RawSocket()
    {
        (FileDescriptor first, FileDescriptor second) = UnixSocket.Pair();
        _near = new(first);
        _far = new(second);
    }

    /// <summary>Seconds for one thread to send and another to take this many bytes.</summary>
    public double Stream(long bytes, int chunk) => Pair.Seconds(() => _near.Send(bytes, chunk), () => _far.Receive(bytes));

    /// <summary>Microseconds of each turn of one byte there and back.</summary>
    public double[] PingPong(int count)
    {
        double[] turns = [];
        _ = Pair.Seconds(() => turns = _near.PingPong(count), () => _far.Echo(count));
        return turns;
    }

    public void Dispose()
    {
        _near.Dispose();
        _far.Dispose();
    }
}
