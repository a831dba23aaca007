using VmChannel.Device.Loop;
using VmChannel.Device.Virtqueues;
using VmChannel.Native;
using VmChannel.Wire.VirtioConsole;

namespace VmChannel.Device.VirtioSerial;

/// <summary>The two control queues: messages to the guest wait in order for buffers, messages from it go to the device.</summary>
/// <param name="batch">Shared by the control queues of a loop, and not one that a port may be in the middle of.</param>
/// <param name="note">Looks at one message of the guest while its driver still waits for it to be taken.</param>
/// <param name="handle">Acts on it.</param>
/// <param name="counters">The device's.</param>
internal sealed class ControlQueues(
    ChainBatch batch, Action<ControlMessage> note, Action<ControlMessage> handle, DeviceCounters counters) : Runnable
{
    private const int MaxPerTurn = 256;

    private readonly ControlBacklog _backlog = new();
    private readonly PinnedBuffer _out = new(ControlMessage.Size + 256);

    /// <summary>To the guest.</summary>
    public Virtqueue? Receive { get; set; }

    /// <summary>From the guest.</summary>
    public Virtqueue? Transmit { get; set; }

    public void Send(ControlMessage message, byte[]? payload = null)
    {
        _backlog.Add(message, payload);
        Flush();
    }

    /// <summary>A port goes away: what waits for it is void.</summary>
    /// <returns>True when the driver had not even been told of it.</returns>
    public bool SendRemove(uint port)
    {
        bool isUnknown = _backlog.RemovePort(port);
        Send(new(port, ControlEvent.PortRemove, 1));
        return isUnknown;
    }

    public void Clear()
    {
        _backlog.Clear();
        counters.ControlBacklog = 0;
    }

    /// <summary>Hands over as many waiting messages as there are buffers, and waits for buffers if any message is left.</summary>
    /// <remarks>Not before the other queue runs: until then it is open whether this is the driver the messages are for.</remarks>
    public void Flush()
    {
        while (Transmit is not null && Receive is { } queue && _backlog.Count > 0)
        {
            if (queue.Gather(batch, maxBytes: 1, maxChains: 1) > 0)
            {
                Put(queue);
            }
            else if (queue.WaitForDriver(known: 0))
            {
                break;
            }
        }

        counters.ControlBacklog = _backlog.Count;
    }

    /// <summary>Takes the messages that are there. True when there may be more.</summary>
    /// <remarks>Called straight from the kick: the driver spins, interrupts off, until its buffer is used.</remarks>
    protected internal override bool Run()
    {
        Flush();
        Span<byte> copy = stackalloc byte[ControlMessage.Size];
        for (int looks = 0; looks < MaxPerTurn; looks++)
        {
            if (Transmit is not { } queue)
            {
                return false;
            }

            if (queue.Gather(batch, maxBytes: 1, maxChains: 1) == 0)
            {
                if (queue.WaitForDriver(known: 0))
                {
                    return false;
                }

                continue;
            }

            int copied = IoVector.CopyOut(batch.Pieces, copy);
            bool isMessage = ControlMessage.TryRead(copy[..copied], out ControlMessage message);
            if (isMessage)
            {
                note(message);
            }

            // Used before it is acted on: the guest's CPU spins meanwhile, and acting uses the batch again.
            queue.Complete(batch, 1, 0);
            counters.ControlMessages++;
            if (isMessage)
            {
                handle(message);
            }
            else
            {
                counters.BadControlMessages++;
            }
        }

        return true;
    }

    private void Put(Virtqueue queue)
    {
        ControlBacklog.Entry entry = _backlog.First;
        int length = ControlMessage.Size + (entry.Payload?.Length ?? 0);
        entry.Message.Write(_out.Span);
        entry.Payload?.CopyTo(_out.Span[ControlMessage.Size..]);
        int copied = IoVector.CopyIn(_out.Span[..length], batch.Pieces);
        if (copied < length)
        {
            // Drivers post whole pages. Half a message would be worse than none, and waiting for a bigger buffer for ever too.
            counters.BadControlMessages++;
            copied = 0;
        }

        _backlog.RemoveFirst();
        queue.Complete(batch, 1, copied);
    }
}
