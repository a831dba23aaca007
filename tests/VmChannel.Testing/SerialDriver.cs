using System.Diagnostics.CodeAnalysis;
using VmChannel.Wire.Virtio;
using VmChannel.Wire.VirtioConsole;

namespace VmChannel.Testing;

/// <summary>A virtio-console driver: control queues, and two queues per port. What it receives is kept in order.</summary>
public sealed class SerialDriver : IDisposable
{
    private const int ControlBufferBytes = 512;
    private readonly byte[] _scratch = new byte[64 * 1024];

    /// <param name="ram">Guest memory.</param>
    /// <param name="maxPorts">Ports, port 0 included; 0 for a driver without MULTIPORT, which has two queues.</param>
    /// <param name="size">Entries of each ring.</param>
    /// <param name="features">Ring features.</param>
    /// <param name="bufferBytes">Bytes of each data buffer.</param>
    public SerialDriver(GuestRam ram, int maxPorts, int size, VirtioFeatures features, int bufferBytes = 4096)
    {
        int count = maxPorts == 0 ? 2 : PortQueues.Count(maxPorts);
        Queues = new DriverQueue[count];
        for (int i = 0; i < count; i++)
        {
            bool isControl = maxPorts > 0 && i is PortQueues.ControlReceive or PortQueues.ControlTransmit;
            Queues[i] = new DriverQueue(ram, i, size, features, isControl ? ControlBufferBytes : bufferBytes);
        }
    }

    public DriverQueue[] Queues { get; }

    /// <summary>Control messages received and not looked at.</summary>
    public Queue<Received> Control { get; } = new();

    public DriverQueue Input(int port) => Queues[PortQueues.Receive(port)];

    public DriverQueue Output(int port) => Queues[PortQueues.Transmit(port)];

    /// <summary>Control buffers, then DEVICE_READY, as Linux does it.</summary>
    public void Probe(int controlBuffers = int.MaxValue)
    {
        _ = Queues[PortQueues.ControlReceive].Post(controlBuffers);
        Send(uint.MaxValue, ControlEvent.DeviceReady, 1);
    }

    public void Send(uint port, ControlEvent @event, ushort value)
    {
        Span<byte> message = stackalloc byte[ControlMessage.Size];
        new ControlMessage(port, @event, value).Write(message);
        Send(message);
    }

    /// <summary>Any bytes as a control message; waits until the device used them, as Linux does.</summary>
    public void Send(ReadOnlySpan<byte> message)
    {
        DriverQueue queue = Queues[PortQueues.ControlTransmit];
        if (!queue.TrySend(message))
        {
            throw new InvalidOperationException("the control queue is full");
        }

        Wait.Until(() => queue.Ring.UsedWaiting > 0, "the device to use a control message");
        queue.Reclaim();
    }

    /// <summary>Collects what the device sent and posts the buffers again.</summary>
    /// <param name="repost">Give the buffers back to the device.</param>
    public void PumpControl(bool repost = true)
    {
        DriverQueue queue = Queues[PortQueues.ControlReceive];
        for (int length = queue.TryRead(_scratch); length >= 0; length = queue.TryRead(_scratch))
        {
            if (!ControlMessage.TryRead(_scratch.AsSpan(0, length), out ControlMessage message))
            {
                throw new InvalidOperationException("the device sent half a control message");
            }

            Control.Enqueue(new(message, _scratch[ControlMessage.Size..length]));
        }

        if (repost)
        {
            _ = queue.Post(int.MaxValue);
        }
    }

    /// <summary>The next control message; waits for it.</summary>
    public Received NextControl()
    {
        Received? next = null;
        Wait.Until(
            () =>
            {
                PumpControl();
                return Control.TryDequeue(out next);
            },
            "a control message");
        return next!;
    }

    /// <summary>Skips control messages up to one of this kind for this port.</summary>
    public Received Expect(ControlEvent @event, uint port)
    {
        Received next;
        do
        {
            next = NextControl();
        }
        while (next.Message.Event != @event || next.Message.PortId != port);
        return next;
    }

    /// <summary>Brings a port from PORT_ADD to open: receive buffers, PORT_READY, PORT_OPEN.</summary>
    public void Open(int port)
    {
        _ = Input(port).Post(int.MaxValue);
        Send((uint)port, ControlEvent.PortReady, 1);
        Send((uint)port, ControlEvent.PortOpen, 1);
    }

    /// <summary>Collects bytes the device wrote to a port until there are as many as wanted, posting buffers again.</summary>
    public byte[] Receive(int port, int count)
    {
        List<byte> received = [];
        Wait.Until(
            () =>
            {
                Receive(port, received);
                return received.Count >= count;
            },
            $"{count} bytes on port {port}");
        return [.. received];
    }

    /// <summary>Collects the bytes that are there now.</summary>
    public void Receive(int port, List<byte> into)
    {
        DriverQueue queue = Input(port);
        for (int length = queue.TryRead(_scratch); length >= 0; length = queue.TryRead(_scratch))
        {
            into.AddRange(_scratch.AsSpan(0, length));
        }

        _ = queue.Post(int.MaxValue);
    }

    /// <summary>Writes all bytes as messages of a buffer's size at most; waits for room.</summary>
    public void Write(int port, ReadOnlySpan<byte> bytes)
    {
        DriverQueue queue = Output(port);
        while (!bytes.IsEmpty)
        {
            int count = Math.Min(bytes.Length, queue.BufferBytes);
            if (queue.TrySend(bytes[..count]))
            {
                bytes = bytes[count..];
            }
            else
            {
                Wait.Until(() => queue.Ring.UsedWaiting > 0, $"room on port {port}");
            }
        }
    }

    /// <summary>All rings as new, as after a reset.</summary>
    public void ResetRings(ushort start = 0)
    {
        Control.Clear();
        foreach (DriverQueue queue in Queues)
        {
            queue.Ring.Reset(start);
        }
    }

    public void Dispose()
    {
        foreach (DriverQueue queue in Queues)
        {
            queue.Dispose();
        }
    }

    /// <summary>A control message and the bytes after it.</summary>
    [SuppressMessage("Naming", "CA1721", Justification = "the pair is the message as received")]
    public sealed record Received(ControlMessage Message, byte[] Payload);
}
