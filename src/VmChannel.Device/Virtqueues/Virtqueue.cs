using VmChannel.Native;

namespace VmChannel.Device.Virtqueues;

/// <summary>A running ring: gathers chains for one system call, completes them, and says no more to the driver than it must.</summary>
/// <remarks>
/// Loop thread only. Kicks are wanted only while the device waits for the driver (<see cref="WaitForDriver"/>), never
/// while it works or waits for the host. Calls go out once per completed batch, when the driver asked for one.
/// </remarks>
internal sealed class Virtqueue
{
    private readonly SplitRing _ring;
    private readonly bool _deviceWrites;
    private bool _wantsKicks;
    private ushort _told;

    /// <param name="index">Number of the queue, for messages.</param>
    /// <param name="deviceWrites">Every buffer of this queue is for the device to write; otherwise for it to read.</param>
    /// <param name="ring">The format.</param>
    /// <param name="call">Signalled when the driver wants to know; null when the front-end polls.</param>
    /// <param name="error">Signalled when the driver broke the ring.</param>
    public Virtqueue(int index, bool deviceWrites, SplitRing ring, FileDescriptor? call, FileDescriptor? error)
    {
        Index = index;
        _deviceWrites = deviceWrites;
        _ring = ring;
        Call = call;
        Error = error;
        ring.RefuseKicks();
    }

    public int Index { get; }

    /// <summary>A front-end may replace it while the ring runs.</summary>
    public FileDescriptor? Call { get; set; }

    /// <summary>Signalled when the driver broke the ring. A front-end may replace it while the ring runs.</summary>
    public FileDescriptor? Error { get; set; }

    /// <summary>used.idx: where a successor goes on.</summary>
    public ushort Position => _ring.Index;

    /// <summary>What the driver did wrong; the ring does nothing any more.</summary>
    public RingFault Fault { get; private set; }

    /// <summary>Calls the driver where <see cref="Call"/> is null; null when the driver polls then.</summary>
    public Action<int>? InBandCall { get; set; }

    /// <summary>Told once, when the driver broke the ring.</summary>
    public Action<Virtqueue>? Broken { get; set; }

    /// <summary>Told of each call: true = sent, false = the driver did not want it.</summary>
    public Action<bool>? Answered { get; set; }

    public int Size => _ring.Size;

    /// <summary>Calls sent and calls the driver did not want, for measuring.</summary>
    public long Calls { get; private set; }

    public long SuppressedCalls { get; private set; }

    /// <summary>Chains the driver made available. 0 after a fault.</summary>
    public int Available()
    {
        if (Fault != RingFault.None)
        {
            return 0;
        }

        int available = _ring.Available();
        if (available > _ring.Size)
        {
            Break(RingFault.IndexRunsAhead);
            return 0;
        }

        return available;
    }

    /// <summary>Gathers available chains into a cleared batch, in order. Nothing is used up before <see cref="Complete"/>.</summary>
    /// <param name="batch">Receives the chains.</param>
    /// <param name="maxBytes">Stops after the chain that reaches this many bytes.</param>
    /// <param name="maxChains">Stops after this many chains.</param>
    /// <returns>Chains gathered.</returns>
    public int Gather(ChainBatch batch, long maxBytes, int maxChains)
    {
        batch.Clear();
        int available = Math.Min(Available(), maxChains);
        while (batch.ChainCount < available && batch.Length < maxBytes && !batch.IsFull)
        {
            RingFault fault = _ring.Walk(batch.ChainCount, _deviceWrites, batch);
            if (fault == RingFault.TooManyPieces && batch.ChainCount > 0)
            {
                break;
            }

            if (fault != RingFault.None)
            {
                Break(fault);
                batch.Clear();
                return 0;
            }
        }

        if (batch.ChainCount > 0)
        {
            RefuseKicks();
        }

        return batch.ChainCount;
    }

    /// <summary>Gives the first chains of a batch back to the driver and calls it if it wants that.</summary>
    /// <param name="batch">What <see cref="Gather"/> filled.</param>
    /// <param name="chains">How many of its chains are done.</param>
    /// <param name="writtenBytes">Bytes the device wrote into them, front to back; 0 where the device reads.</param>
    /// <param name="callsLater">The call may wait until <see cref="CallIfWanted"/>: by then the driver may have seen for itself.</param>
    public void Complete(ChainBatch batch, int chains, long writtenBytes, bool callsLater = false)
    {
        if (chains == 0)
        {
            return;
        }

        for (int i = 0; i < chains; i++)
        {
            ChainBatch.Chain chain = batch.Chains[i];
            uint written = (uint)Math.Min(writtenBytes, chain.Length);
            writtenBytes -= written;
            _ring.PutUsed(i, chain.Head, written);
        }

        _told = IsCallDue ? _told : _ring.Index;
        IsCallDue = true;
        _ring.Publish(chains);
        if (!callsLater)
        {
            CallIfWanted();
        }
    }

    /// <summary>Chains were completed and the driver was not called for them yet.</summary>
    public bool IsCallDue { get; private set; }

    /// <summary>The driver need not be called for chains that it has taken back meanwhile.</summary>
    /// <returns>
    /// How many are left for which it may want a call; 0 when none are, and null when it has taken none back since the last look, or says nothing
    /// about it.
    /// </returns>
    public int? SkipTakenBack()
    {
        if (!IsCallDue || Fault != RingFault.None || _ring.DriverWaitsFor() is not ushort next)
        {
            return null;
        }

        // It may name any chain: none that is not used yet, and none that was skipped before.
        int due = unchecked((ushort)(_ring.Index - _told));
        int taken = unchecked((ushort)(next - _told));
        if (taken == 0 || taken > due)
        {
            return null;
        }

        _told = next;
        return due - taken;
    }

    /// <summary>Calls the driver for what was completed since the last time, if it still wants that.</summary>
    /// <returns>True when it was called.</returns>
    public bool CallIfWanted()
    {
        if (!IsCallDue || Fault != RingFault.None)
        {
            return false;
        }

        IsCallDue = false;
        if (!_ring.WantsCall(_told))
        {
            SuppressedCalls++;
            Answered?.Invoke(false);
            return false;
        }

        Calls++;
        Answered?.Invoke(true);
        if (Call is not null)
        {
            _ = EventFd.Signal(Call);
        }
        else
        {
            InBandCall?.Invoke(Index);
        }

        return true;
    }

    /// <summary>The device has nothing to do until the driver makes another chain available: asks for a kick.</summary>
    /// <param name="known">Chains that are available and looked at already.</param>
    /// <returns>False when more became available meanwhile: go on, no kick will come for those.</returns>
    public bool WaitForDriver(int known)
    {
        if (Fault != RingFault.None)
        {
            return true;
        }

        _wantsKicks = true;
        if (_ring.WantKick(known) > known)
        {
            RefuseKicks();
            return false;
        }

        return true;
    }

    /// <summary>Kicks are not of interest until <see cref="WaitForDriver"/>.</summary>
    public void RefuseKicks()
    {
        // The driver reads the cache line that this would write.
        if (_wantsKicks)
        {
            _wantsKicks = false;
            _ring.RefuseKicks();
        }
    }

    /// <summary>The device ends: nothing is taken from or put on this ring any more.</summary>
    public void Halt() => Fault = Fault == RingFault.None ? RingFault.DeviceStopped : Fault;

    private void Break(RingFault fault)
    {
        Fault = fault;
        Broken?.Invoke(this);
        if (Error is not null)
        {
            _ = EventFd.Signal(Error);
        }
    }
}
