using System.Diagnostics;
using VmChannel.Native;

namespace VmChannel.Bench;

/// <summary>The program at the host end of a channel: plain blocking reads and writes on one socket.</summary>
internal sealed class HostPeer(FileDescriptor socket) : IDisposable
{
    /// <summary>Room of one read; the same for every contestant.</summary>
    public const int ReadBytes = 64 * 1024;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly byte[] _incoming = new byte[ReadBytes];
    private readonly byte[] _outgoing = new byte[ReadBytes];

    /// <summary>Connects to a listening unix socket, which may still be about to appear.</summary>
    public static HostPeer Connect(string path)
    {
        if (!UnixAddress.TryCreate(path, isAbstract: false, isTight: true, out UnixAddress? address, out string? reason))
        {
            throw new BenchException($"{path} {reason}");
        }

        long started = Stopwatch.GetTimestamp();
        while (true)
        {
            PosixResult result = StreamSocket.Connect(address, out FileDescriptor? socket);
            if (result.IsSuccess)
            {
                _ = socket!.SetNonBlocking(false).OrThrow("fcntl");
                return new HostPeer(socket);
            }

            if (Stopwatch.GetElapsedTime(started) > Patience)
            {
                throw new BenchException($"nobody listened on {path} within {Patience.TotalSeconds} s: {result.Message}");
            }

            _ = Poll.Wait([], TimeSpan.FromMilliseconds(10));
        }
    }

    /// <summary>Takes this many bytes.</summary>
    public void Receive(long bytes)
    {
        while (bytes > 0)
        {
            int count = socket.Read(_incoming.AsSpan(0, (int)Math.Min(bytes, ReadBytes))).OrThrow("read");
            bytes -= count > 0 ? count : throw new BenchException("the other side closed a channel in mid-measurement");
        }
    }

    /// <summary>Gives this many bytes, so many in each write.</summary>
    public void Send(long bytes, int chunk)
    {
        while (bytes > 0)
        {
            bytes -= socket.Write(_outgoing.AsSpan(0, (int)Math.Min(bytes, chunk))).OrThrow("write");
        }
    }

    /// <summary>Sends one byte and waits for one, again and again. Returns the time of each turn in microseconds.</summary>
    public double[] PingPong(int count)
    {
        double[] turns = new double[count];
        for (int i = 0; i < count; i++)
        {
            long started = Stopwatch.GetTimestamp();
            Send(1, 1);
            Receive(1);
            turns[i] = Stopwatch.GetElapsedTime(started).TotalMicroseconds;
        }

        return turns;
    }

    /// <summary>Sends every byte back.</summary>
    public void Echo(int count)
    {
        for (int i = 0; i < count; i++)
        {
            Receive(1);
            Send(1, 1);
        }
    }

    public void Dispose() => socket.Dispose();
}
