using System.Diagnostics;
using VmChannel.Native;
using VmChannel.Wire.VirtioConsole;

namespace VmChannel.Bench.Alone;

/// <summary>A guest's driver without the guest, on a device's vhost-user socket: introduces itself and has ports open.</summary>
internal sealed class GuestDriver : IDisposable
{
    private const int RingSize = 256;
    private const int PageBytes = 4096;
    private const int MaxMessageBytes = 32 * 1024;

    private readonly DriverMemory _memory = new(64 << 20);
    private readonly FrontEnd _frontEnd;
    private readonly ulong _transmitPool;
    private readonly Dictionary<DriverRing, ulong> _receivePools = [];

    /// <param name="device">The device's socket, which listens.</param>
    /// <param name="ports">Ports to open.</param>
    public GuestDriver(UnixAddress device, params ReadOnlySpan<int> ports)
    {
        _frontEnd = new(device, _memory);
        _transmitPool = _memory.Reserve(RingSize * MaxMessageBytes);
        Introduce(ports);
        foreach (int port in ports)
        {
            To[port] = _frontEnd.Start(PortQueues.Transmit(port), RingSize);
            DriverRing receive = _frontEnd.Start(PortQueues.Receive(port), RingSize);
            From[port] = receive;
            _receivePools[receive] = _memory.Reserve(RingSize * PageBytes);
            while (!receive.IsFull)
            {
                PostPage(receive);
            }
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
            ring.Add(_transmitPool + ((ulong)ring.NextSlot * MaxMessageBytes), length, deviceWrites: false);
            bytes -= length;
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
    public double[] PingPong(int port, int count)
    {
        double[] turns = new double[count];
        for (int i = 0; i < count; i++)
        {
            long started = Stopwatch.GetTimestamp();
            Send(To[port], 1, 1);
            Receive(From[port], 1);
            turns[i] = Stopwatch.GetElapsedTime(started).TotalMicroseconds;
        }

        return turns;
    }

    public void Dispose()
    {
        _frontEnd.Dispose();
        _memory.Dispose();
    }

    private void PostPage(DriverRing ring)
        => ring.Add(_receivePools[ring] + ((ulong)ring.NextSlot * PageBytes), PageBytes, deviceWrites: true);

    /// <summary>The driver's part of the control conversation; what the device answers is of no interest here.</summary>
    private void Introduce(ReadOnlySpan<int> ports)
    {
        DriverRing fromDevice = _frontEnd.Start(PortQueues.ControlReceive, RingSize);
        DriverRing toDevice = _frontEnd.Start(PortQueues.ControlTransmit, RingSize);
        ulong answers = _memory.Reserve(RingSize * PageBytes);
        while (!fromDevice.IsFull)
        {
            fromDevice.Add(answers + ((ulong)fromDevice.NextSlot * PageBytes), PageBytes, deviceWrites: true);
        }

        ulong messages = _memory.Reserve(RingSize * ControlMessage.Size);
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
