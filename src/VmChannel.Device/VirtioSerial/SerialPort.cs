using VmChannel.Device.Loop;
using VmChannel.Device.Ports;
using VmChannel.Device.Virtqueues;
using VmChannel.Wire.VirtioConsole;

namespace VmChannel.Device.VirtioSerial;

/// <summary>One port number of a virtio-serial device: its two queues, and the port plugged there if any. Loop thread only.</summary>
/// <remarks>
/// The queues outlive the port: Linux keeps its receive buffers on the ring across unplug and re-plug of a number.
/// <para>
/// Linux's writers sleep when the transmit ring is full. If somebody polls the port meanwhile, poll() takes back the
/// used buffers, the interrupt then finds nothing new, and the sleeper is never woken. A redundant PORT_OPEN wakes it,
/// so one is sent each time a ring that had been full is half empty again.
/// </para>
/// </remarks>
/// <param name="number">The port number.</param>
/// <param name="loop">Gives it its turns.</param>
/// <param name="batch">Shared by all ports of the loop, which take turns.</param>
/// <param name="settings">The device's.</param>
/// <param name="counters">The device's.</param>
/// <param name="nudge">Sends a redundant PORT_OPEN.</param>
internal sealed partial class SerialPort(
    int number, DeviceLoop loop, ChainBatch batch, VirtioSerialSettings settings, DeviceCounters counters, Action<SerialPort> nudge)
    : Runnable
{
    private readonly LateCall _lateCall = new(loop);
    private readonly KickPace _pace = new();
    private FlowWatch? _flow;

    // Bytes of the first waiting chain that earlier turns delivered. Survives a pause of the guest.
    private long _takenOfFirst;
    private int _chainsPerRead = 1;
    private int _doneBefore;
    private int _mostBuffers;
    private bool _waitsForMany;

    // Chains of each direction that are there already, while the loop looks for more; null = it does not.
    private int? _polledTransmit;
    private int? _polledReceive;
    private bool _wasFull;
    private bool _wasGuestOpen;
    private OpeningBorders _borders;

    public int Number => number;

    public Port? Port { get; private set; }

    public Virtqueue? Receive
    {
        get;
        set
        {
            _mostBuffers = 0;
            _polledReceive = null;
            field = value;
        }
    }

    public Virtqueue? Transmit
    {
        get;
        set
        {
            TakeRest();
            _lateCall.Settle();
            _pace.Reset();
            _polledTransmit = null;
            field = value;
        }
    }

    /// <summary>Messages of a guest that streams may share a kick.</summary>
    /// <remarks>
    /// Not UML's: the more often another processor sleeps, the oftener the host's scheduler moves one of UML's processes there,
    /// and each system call of its guest takes two wake-ups then. That costs more than all kicks.
    /// </remarks>
    public bool SparesKicks { get; set; } = true;

    /// <summary>The driver has said PORT_READY.</summary>
    public bool IsReady { get; private set; }

    /// <summary>A port was unplugged here, and the driver has not said PORT_READY since: what it says and writes is for that one.</summary>
    public bool IsStale { get; private set; }

    /// <summary>What the guest was last told of the host end.</summary>
    public bool IsHostOpenTold { get; set; }

    /// <summary>
    /// PORT_ADD messages that the driver has not answered with PORT_READY. It answers each in order, so only the answer to
    /// the last is about the port that is plugged here now.
    /// </summary>
    public int UnansweredAdds { get; set; }

    public void Plug(Port port)
    {
        Port = port;
        _flow = new FlowWatch(port, loop, settings.StallAfter);
        _takenOfFirst = 0;
    }

    public Port? Unplug()
    {
        Port? port = Port;
        _flow?.Stop();
        _flow = null;
        Port = null;
        IsStale |= port is not null;
        IsReady = false;
        IsHostOpenTold = false;
        _takenOfFirst = 0;
        _wasGuestOpen = false;
        _borders.Clear();
        return port;
    }

    /// <summary>The driver said PORT_READY. False when it had before.</summary>
    public bool BecomeReady()
    {
        bool isNew = !IsReady;
        if (IsStale && Transmit is { } queue)
        {
            // Nobody writes to a port before it is ready: what is on the ring was meant for the one before.
            while (queue.Gather(batch, long.MaxValue, ChainBatch.MaxChains) is > 0 and int chains)
            {
                queue.Complete(batch, Drop(chains), 0);
            }
        }

        IsReady = true;
        IsStale = false;
        return isNew;
    }

    /// <summary>The driver says that the port is closed, and has not gone on since.</summary>
    public void NoteClose() => _borders.Note(Transmit?.Available());

    /// <summary>The driver said that a program opened or closed the port.</summary>
    public void SetGuestOpen(Port port, bool isOpen)
    {
        if (_borders.IsSet)
        {
            // Another program, while bytes of the one before wait for the host.
            _borders.Add(isOpen);
            return;
        }

        bool wasOpen = port.IsGuestOpen;
        port.SetGuestOpen(isOpen);
        if (wasOpen && !isOpen && port.PartsOpenings)
        {
            _borders.Set();
        }
    }

    /// <summary>One of the two queues runs from now on.</summary>
    public void Attach(Virtqueue queue)
    {
        queue.Answered = OnCall;
        if (PortQueues.IsTransmit(queue.Index))
        {
            Transmit = queue;
        }
        else
        {
            Receive = queue;
        }
    }

    /// <summary>The queue stops, if it is one of these two.</summary>
    public void Detach(int queue)
    {
        if (Transmit?.Index == queue)
        {
            Transmit = null;
            OnDetached();
        }
        else if (Receive?.Index == queue)
        {
            Receive = null;
            OnDetached();
        }
    }

    /// <summary>Goes on with another's queues.</summary>
    public void TakeQueues(SerialPort other)
    {
        (Virtqueue? receive, Virtqueue? transmit) = (other.Receive, other.Transmit);
        other.Receive = null;
        other.Transmit = null;
        foreach (Virtqueue queue in new[] { receive, transmit }.OfType<Virtqueue>())
        {
            Attach(queue);
        }
    }

    /// <summary>A fresh driver: nothing is ready, open or half delivered.</summary>
    /// <param name="cause">Why, for events.</param>
    public void Reset(string cause)
    {
        IsReady = false;
        IsStale = false;
        IsHostOpenTold = false;
        _takenOfFirst = 0;
        _doneBefore = 0;
        _wasFull = false;
        _wasGuestOpen = false;
        UnansweredAdds = 0;
        _flow?.Settle();
        Close(cause);
        Port?.Record.ForgetDriver();
    }

    /// <summary>The front-end is gone, and with it whoever had the port open.</summary>
    public void Suspend()
    {
        _wasGuestOpen = Port?.IsGuestOpen == true || _borders.IsOpenLater;
        Close("the front-end has left");
    }

    /// <summary>The same driver goes on.</summary>
    public void Resume()
    {
        Port?.Record.SetSuspended(false);
        Port?.SetGuestOpen(Port.IsGuestOpen || _wasGuestOpen, "the front-end is back, and its guest never closed the port");
        _wasGuestOpen = false;
    }

    /// <summary>The guest is gone or starts over: the port is closed, and nothing more of what was written to it comes.</summary>
    public void Close(string cause)
    {
        TakeRest();
        _borders.Clear();
        Port?.SetGuestOpen(false, cause);
        Port?.OnDrained();
    }

    /// <summary>Everything the guest wrote was delivered.</summary>
    public bool IsDrained => (Transmit is null || Transmit.Available() == 0) && Port is not { HoldsBytes: true };

    protected internal override bool Run()
    {
        _polledTransmit = null;
        _polledReceive = null;
        bool more = Transmit is { } transmit && MoveFromGuest(transmit);
        if (Port is { IsDraining: true } port && Transmit is not null && (_borders.IsReached ? !port.HoldsBytes : IsDrained))
        {
            OnDrained(port);
            more = true;
        }

        return (Receive is { } receive && MoveToGuest(receive)) || more;
    }

    protected internal override bool HasWork()
        => (_polledTransmit is int sent && Transmit is { } transmit && transmit.Available() > sent)
            || (_polledReceive is int posted && Receive is { } receive && receive.Available() > posted);

    protected internal override bool AskToBeTold()
    {
        bool isQuiet = _polledTransmit is not int sent || Transmit is not { } transmit || transmit.WaitForDriver(sent);
        isQuiet &= _polledReceive is not int posted || Receive is not { } receive || receive.WaitForDriver(posted);
        _polledTransmit = null;
        _polledReceive = null;
        return isQuiet;
    }

    /// <summary>All that a program wrote before it closed the port is delivered: now to what happened since.</summary>
    private void OnDrained(Port port)
    {
        bool isOpen = _borders.IsOpenLater;
        bool isNext = _borders.Next();
        port.OnDrained();
        if (isNext)
        {
            port.SetGuestOpen(true);
            port.SetGuestOpen(false);
        }
        else if (isOpen)
        {
            port.SetGuestOpen(true);
        }
    }

    private void OnDetached()
    {
        _flow?.Settle();
        if (Receive is null && Transmit is null && IsReady)
        {
            Port?.Record.SetSuspended(true);
        }
    }

    private void OnCall(bool isCalled)
    {
        (int sent, int unwanted) = isCalled ? (1, 0) : (0, 1);
        counters.Calls += sent;
        counters.SuppressedCalls += unwanted;
        if (Port is { Counters: { } own })
        {
            own.Calls += sent;
            own.SuppressedCalls += unwanted;
        }
    }
}
