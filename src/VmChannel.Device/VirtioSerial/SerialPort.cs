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
/// <param name="batch">Shared by all ports, which take turns.</param>
/// <param name="settings">The device's.</param>
/// <param name="counters">The device's.</param>
/// <param name="nudge">Sends a redundant PORT_OPEN.</param>
internal sealed class SerialPort(
    int number, DeviceLoop loop, ChainBatch batch, VirtioSerialSettings settings, DeviceCounters counters, Action<SerialPort> nudge)
    : Runnable
{
    /// <summary>Bytes one turn moves at most in each direction; then the other ports have theirs.</summary>
    private const int BytesPerTurn = 256 * 1024;

    private const int MaxChainsPerRead = 64;

    private const int PartsOfBuffers = 4;

    private readonly LateCall _lateCall = new(loop);
    private FlowWatch? _flow;

    // Bytes of the first waiting chain that earlier turns delivered. Survives a pause of the guest.
    private long _takenOfFirst;
    private int _chainsPerRead = 1;
    private int _doneBefore;
    private int _mostBuffers;
    private bool _waitsForMany;
    private bool _wasFull;
    private bool _wasGuestOpen;

    public int Number => number;

    public Port? Port { get; private set; }

    public Virtqueue? Receive
    {
        get;
        set
        {
            _mostBuffers = 0;
            field = value;
        }
    }

    public Virtqueue? Transmit
    {
        get;
        set
        {
            _lateCall.Settle();
            field = value;
        }
    }

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
        _wasGuestOpen = Port?.IsGuestOpen ?? false;
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
        Port?.SetGuestOpen(false, cause);
        Port?.OnDrained();
    }

    /// <summary>Everything the guest wrote was delivered.</summary>
    public bool IsDrained => (Transmit is null || Transmit.Available() == 0) && Port is not { HoldsBytes: true };

    protected internal override bool Run()
    {
        bool more = Transmit is { } transmit && MoveFromGuest(transmit);
        if (Port is { IsDraining: true } port && Transmit is not null && IsDrained)
        {
            port.OnDrained();
        }

        return (Receive is { } receive && MoveToGuest(receive)) || more;
    }

    private bool MoveFromGuest(Virtqueue queue)
    {
        int chains = queue.Gather(batch, BytesPerTurn, ChainBatch.MaxChains);
        if (chains == 0)
        {
            return !queue.WaitForDriver(known: 0);
        }

        _lateCall.OnBuffers(chains);
        if (_takenOfFirst > 0 && !batch.SkipFront(_takenOfFirst))
        {
            // The guest shortened a chain that was half delivered: nothing is left of it, and nobody was asked to take more.
            _takenOfFirst = 0;
            queue.Complete(batch, 1, 0);
            return true;
        }

        bool isFull = false;
        int done = Port is null || IsStale ? Drop(chains) : Deliver(Port, out isFull);
        int occupied = batch.Descriptors - chains;
        bool callsLater = _lateCall.MayWait(queue, occupied + queue.Available());
        queue.Complete(batch, done, 0, callsLater);
        if (callsLater)
        {
            _lateCall.Postpone(queue);
        }

        int left = queue.Available();
        NudgeIfDrained(left, occupied + left + done + _doneBefore, queue.Size);
        _doneBefore = done;

        // Full or absent: the host end wakes us. No kick is wanted meanwhile.
        return !isFull && (left > 0 || !queue.WaitForDriver(known: 0));
    }

    /// <summary>A writer may sleep if the ring was full, in its eyes, just before chains were completed.</summary>
    /// <remarks>
    /// Its eyes lag behind ours: it takes used chains back, adds one, and then finds no entry free although the device has
    /// used some meanwhile. So what the turn before completed still counts as there.
    /// </remarks>
    private void NudgeIfDrained(int left, int before, int size)
    {
        _wasFull |= before >= size;
        if (_wasFull && left <= size / 2)
        {
            _wasFull = false;
            nudge(this);
        }
    }

    /// <summary>Offers the batch to the host end. Returns how many whole chains it took.</summary>
    /// <param name="port">Has the host end.</param>
    /// <param name="isFull">It took less than it was offered.</param>
    private int Deliver(Port port, out bool isFull)
    {
        batch.Truncate(BytesPerTurn);
        long taken = batch.Length == 0 ? 0 : port.FromGuest(batch.Pieces, batch.Length);
        isFull = taken < batch.Length;
        if (isFull || _flow!.IsFromGuestWaiting)
        {
            _flow!.OnOffered(taken > 0, isFull);
        }

        taken += _takenOfFirst;
        int done = 0;
        foreach (ChainBatch.Chain chain in batch.Chains)
        {
            if (taken < chain.Length)
            {
                break;
            }

            taken -= chain.Length;
            done++;
        }

        _takenOfFirst = taken;
        port.Counters.FromGuestMessages += done;
        return done;
    }

    private int Drop(int chains)
    {
        counters.LostBytes += batch.Length;
        return chains;
    }

    private bool MoveToGuest(Virtqueue queue)
    {
        // Linux throws away what arrives while nobody has the port open.
        if (Port is not { IsGuestOpen: true, MayRead: true } port)
        {
            _flow?.OnGiven();
            return false;
        }

        int chains = queue.Gather(batch, BytesPerTurn, _chainsPerRead);
        if (chains == 0)
        {
            return !WaitForBuffers(queue);
        }

        if (_flow!.IsToGuestWaiting)
        {
            _flow.OnGiven();
        }

        batch.Truncate(BytesPerTurn);
        _mostBuffers = Math.Max(_mostBuffers, queue.Available());
        _waitsForMany = false;
        long room = batch.Length;
        long given = room == 0 ? 0 : port.ToGuest(batch.Pieces);
        int filled = batch.CountFilled(given);
        queue.Complete(batch, filled, given);
        port.Counters.ToGuestMessages += filled;

        // Walking buffers that a short read leaves empty is wasted, so their number follows what was there to read.
        bool isMore = given == room;
        _chainsPerRead = isMore ? Math.Min(_chainsPerRead * 4, MaxChainsPerRead) : Math.Max(filled, 1);
        queue.RefuseKicks();
        return isMore;
    }

    /// <summary>The driver has all its buffers, and there may be more to give. False when some came back meanwhile.</summary>
    /// <remarks>
    /// A driver that reads gives its buffers back one by one, and has the others to read meanwhile: asked to kick for the
    /// first, it would do so for each. Kicks are wanted again when a good part is back, or after a moment whatever is.
    /// </remarks>
    private bool WaitForBuffers(Virtqueue queue)
    {
        _waitsForMany = !_waitsForMany && _mostBuffers >= 2 * PartsOfBuffers;
        if (!_waitsForMany)
        {
            bool waits = queue.WaitForDriver(known: 0);
            if (waits)
            {
                _flow!.OnNoBuffers(hadBuffers: _mostBuffers > 0 || queue.Position != 0);
            }

            return waits;
        }

        loop.Postpone(this);
        return queue.WaitForDriver(known: (_mostBuffers / PartsOfBuffers) - 1);
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
