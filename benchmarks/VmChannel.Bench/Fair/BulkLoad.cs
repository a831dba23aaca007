using VmChannel.Bench.Alone;
using VmChannel.Native;

namespace VmChannel.Bench.Fair;

/// <summary>Ports that move all the device lets through: one thread is the guest of all of them, one the host.</summary>
/// <remarks>
/// Both threads have the lowest priority. What they cost is not the device's doing, and a real guest and a real host have processors of their own.
/// </remarks>
internal sealed class BulkLoad : IDisposable
{
    private const int Block = 32 * 1024;
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(100);

    private readonly GuestDriver _driver;
    private readonly DriverRing[] _rings;
    private readonly FileDescriptor[] _sockets;
    private readonly bool _fromGuest;
    private readonly byte[] _memory = new byte[HostPeer.ReadBytes];
    private readonly long[] _moved;
    private readonly Thread[] _threads;
    private volatile bool _isOver;

    public BulkLoad(GuestDriver driver, DriverRing[] rings, FileDescriptor[] sockets, bool fromGuest)
    {
        _driver = driver;
        _rings = rings;
        _sockets = sockets;
        _fromGuest = fromGuest;
        _moved = new long[rings.Length];
        _threads = [new Thread(() => Run(Guest)) { IsBackground = true }, new Thread(() => Run(Host)) { IsBackground = true }];
        Array.ForEach(_threads, thread => thread.Start());
    }

    /// <summary>Bytes that have arrived, by port.</summary>
    public double[] Moved => [.. _moved.Select((_, port) => (double)Interlocked.Read(ref _moved[port]))];

    public void Dispose()
    {
        _isOver = true;
        Array.ForEach(_threads, thread => thread.Join());
        if (!_fromGuest)
        {
            return;
        }

        // What is still on its way would come in the next measurement.
        while (Array.Exists(_rings, ring => ring.Pending > 0))
        {
            Take();
            Array.ForEach(_rings, ring => _ = _driver.Drain(ring, posts: false));
        }

        Take();
    }

    private static void Run(Action loop)
    {
        ThreadAccounts.YieldToOthers();
        loop();
    }

    private void Guest()
    {
        PollEntry[] calls = [.. _rings.Select(ring => new PollEntry(ring.Call!.Number, PollEvents.In))];
        while (!_isOver)
        {
            for (int port = 0; port < _rings.Length; port++)
            {
                if (_fromGuest)
                {
                    _driver.Fill(_rings[port], Block);
                }
                else
                {
                    _ = Interlocked.Add(ref _moved[port], _driver.Drain(_rings[port], posts: true));
                }
            }

            if (!Array.Exists(_rings, ring => ring.HasUsed()))
            {
                _ = Poll.Wait(calls, Patience).OrThrow("poll");
                Array.ForEach(_rings, ring => EventFd.Clear(ring.Call!));
            }
        }
    }

    private void Host()
    {
        PollEntry[] ready = [.. _sockets.Select(socket => new PollEntry(socket.Number, _fromGuest ? PollEvents.In : PollEvents.Out))];
        while (!_isOver)
        {
            _ = Poll.Wait(ready, Patience).OrThrow("poll");
            if (_fromGuest)
            {
                Take();
            }
            else
            {
                Array.ForEach(_sockets, socket => _ = socket.Write(_memory));
            }
        }
    }

    private void Take()
    {
        for (int port = 0; port < _sockets.Length; port++)
        {
            PosixResult read = _sockets[port].Read(_memory);
            _ = Interlocked.Add(ref _moved[port], read.IsSuccess ? read.Value : 0);
        }
    }
}
