using System.Diagnostics;
using VmChannel.Native;
using VmChannel.Wire.VirtioConsole;

namespace VmChannel.Bench.Alone;

/// <summary>A guest's driver without the guest, on a device's vhost-user socket: introduces itself and has ports open.</summary>
internal sealed class GuestDriver : IDisposable
{
    /// <summary>Bytes of each buffer that the device fills.</summary>
    public const int PageBytes = 4096;

    private readonly DriverShape _shape;
    private readonly DriverMemory _memory;
    private readonly FrontEnd _frontEnd;
    private readonly ulong _transmitPool;
    private readonly List<DriverRing> _rings = [];
    private readonly Dictionary<DriverRing, ulong> _receivePools = [];

    /// <param name="device">The device's socket, which listens.</param>
    /// <param name="ports">Ports to open.</param>
    public GuestDriver(UnixAddress device, params ReadOnlySpan<int> ports)
        : this(FrontEnd.Connect(device), DriverShape.Large, ports)
    {
    }

    /// <param name="socket">Connected to the device.</param>
    /// <param name="shape">What it has.</param>
    /// <param name="ports">Ports to open.</param>
    public GuestDriver(FileDescriptor socket, DriverShape shape, params ReadOnlySpan<int> ports)
    {
        _shape = shape;
        _memory = new(shape.MemoryBytes);
        _frontEnd = new(socket, _memory);
        _transmitPool = _memory.Reserve((ulong)(shape.RingSize * shape.MaxMessageBytes));
        Introduce(ports);
        foreach (int port in ports)
        {
            To[port] = Start(PortQueues.Transmit(port));
            DriverRing receive = Start(PortQueues.Receive(port));
            From[port] = receive;
            _receivePools[receive] = _memory.Reserve((ulong)(shape.RingSize * PageBytes));
            Post(receive, shape.RingSize);
        }

        _frontEnd.Settle();
    }

    /// <summary>What the guest writes to, by port.</summary>
    public Dictionary<int, DriverRing> To { get; } = [];

    /// <summary>What the guest reads from, by port.</summary>
    public Dictionary<int, DriverRing> From { get; } = [];

    /// <summary>Writes messages as Linux's driver does: takes used buffers back, adds one, sleeps when the ring is full.</summary>
    public void Send(DriverRing ring, long bytes, int chunk)
    {
        while (bytes > 0)
        {
            while (ring.TryTake(out _, out _))
            {
            }

            if (ring.IsFull)
            {
                ring.Wait();
                continue;
            }

            int length = (int)Math.Min(bytes, chunk);
            ring.Add(_transmitPool + (ulong)(ring.NextSlot * _shape.MaxMessageBytes), length, deviceWrites: false);
            bytes -= length;
        }
    }

    /// <summary>Takes used buffers back and fills the ring, without waiting for anything.</summary>
    public void Fill(DriverRing ring, int chunk)
    {
        while (ring.TryTake(out _, out _))
        {
        }

        while (!ring.IsFull)
        {
            ring.Add(_transmitPool + (ulong)(ring.NextSlot * _shape.MaxMessageBytes), chunk, deviceWrites: false);
        }
    }

    /// <summary>Takes what is there. Returns the bytes.</summary>
    /// <param name="ring">Of either direction.</param>
    /// <param name="posts">Posts each page again: a ring on which the device writes.</param>
    public long Drain(DriverRing ring, bool posts)
    {
        long bytes = 0;
        while (ring.TryTake(out _, out int written))
        {
            bytes += written;
            if (posts)
            {
                PostPage(ring);
            }
        }

        return bytes;
    }

    /// <summary>Posts pages, as many of these as there is room for.</summary>
    public void Post(DriverRing ring, int pages)
    {
        for (; pages > 0 && !ring.IsFull; pages--)
        {
            PostPage(ring);
        }
    }

    /// <summary>Waits until the device has used every message.</summary>
    public static void Finish(DriverRing ring)
    {
        while (ring.Pending > 0)
        {
            if (!ring.TryTake(out _, out _))
            {
                ring.Wait();
            }
        }
    }

    /// <summary>Takes bytes as they come, page by page, and posts each page again.</summary>
    public void Receive(DriverRing ring, long bytes)
    {
        while (bytes > 0)
        {
            if (ring.TryTake(out _, out int written))
            {
                bytes -= written;
                PostPage(ring);
            }
            else
            {
                ring.Wait();
            }
        }
    }

    /// <summary>One byte to the host, which sends it back, again and again. Returns the time of each turn in microseconds.</summary>
    /// <param name="port">The port.</param>
    /// <param name="count">Turns.</param>
    /// <param name="peer">The program at the port's host end.</param>
    /// <param name="pause">Before each turn.</param>
    public double[] PingPong(int port, int count, HostPeer peer, TimeSpan pause = default)
    {
        double[] turns = [];
        _ = Pair.Seconds(() => turns = Turns(port, count, pause), () => peer.Echo(count));
        return turns;
    }

    public void Dispose()
    {
        _rings.ForEach(ring => ring.Dispose());
        _frontEnd.Dispose();
        _memory.Dispose();
    }

    private double[] Turns(int port, int count, TimeSpan pause)
    {
        double[] turns = new double[count];
        for (int i = 0; i < count; i++)
        {
            if (pause > TimeSpan.Zero)
            {
                _ = Poll.Wait([], pause);
            }

            long started = Stopwatch.GetTimestamp();
            Send(To[port], 1, 1);
            Receive(From[port], 1);
            turns[i] = Stopwatch.GetElapsedTime(started).TotalMicroseconds;
        }

        return turns;
    }

    private DriverRing Start(int queue)
    {
        DriverRing ring = _frontEnd.Start(queue, _shape.RingSize, _shape.HasCalls);
        _rings.Add(ring);
        return ring;
    }

    private void PostPage(DriverRing ring)
        => ring.Add(_receivePools[ring] + ((ulong)ring.NextSlot * PageBytes), PageBytes, deviceWrites: true);

    /// <summary>The driver's part of the control conversation; what the device answers is of no interest here.</summary>
    private void Introduce(ReadOnlySpan<int> ports)
    {
        DriverRing fromDevice = Start(PortQueues.ControlReceive);
        DriverRing toDevice = Start(PortQueues.ControlTransmit);
        ulong answers = _memory.Reserve((ulong)(_shape.RingSize * PageBytes));
        while (!fromDevice.IsFull)
        {
            fromDevice.Add(answers + ((ulong)fromDevice.NextSlot * PageBytes), PageBytes, deviceWrites: true);
        }

        ulong messages = _memory.Reserve((ulong)(_shape.RingSize * ControlMessage.Size));
        Say(new(uint.MaxValue, ControlEvent.DeviceReady, 1));
        foreach (int port in ports)
        {
            Say(new((uint)port, ControlEvent.PortReady, 1));
            Say(new((uint)port, ControlEvent.PortOpen, 1));
        }

        void Say(ControlMessage message)
        {
            byte[] bytes = new byte[ControlMessage.Size];
            message.Write(bytes);
            ulong address = messages + ((ulong)toDevice.NextSlot * ControlMessage.Size);
            _memory.Words.Write((int)address, bytes);
            toDevice.Add(address, bytes.Length, deviceWrites: false);
            Finish(toDevice);
        }
    }
}
