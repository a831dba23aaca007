using VmChannel.Device.Loop;
using VmChannel.Device.Ports;
using VmChannel.Device.Virtqueues;

namespace VmChannel.Device.VirtioSerial;

/// <content>How bytes go from one ring to the host and from the host to the other.</content>
internal sealed partial class SerialPort
{
    private const int MaxChainsPerRead = 64;

    private const int PartsOfBuffers = 4;

    private int ChainsPerTurn => Math.Min(loop.BytesPerTurn / TurnQueue.BytesPerBuffer, ChainBatch.MaxChains);

    private bool MoveFromGuest(Virtqueue queue)
    {
        if (_borders.IsSet && Port is not { PartsOpenings: true })
        {
            bool isOpen = _borders.IsOpenLater;
            _borders.Clear();
            Port?.SetGuestOpen(isOpen);
        }
        else if (_borders.IsReached)
        {
            return false;
        }

        int chains = queue.Gather(batch, loop.BytesPerTurn, Math.Min(_borders.Left, ChainsPerTurn));
        if (chains == 0)
        {
            return !WaitForMessages(queue, taken: 0);
        }

        _lateCall.OnBuffers(chains);
        if (_takenOfFirst > 0 && !batch.SkipFront(_takenOfFirst))
        {
            // The guest shortened a chain that was half delivered: nothing is left of it, and nobody was asked to take more.
            _takenOfFirst = 0;
            queue.Complete(batch, 1, 0);
            _borders.Pass(1);
            return true;
        }

        bool isFull = false;
        int done = Port is null || IsStale ? Drop(chains) : Deliver(Port, out isFull);
        Moved += chains * TurnQueue.BytesPerBuffer;
        int occupied = batch.Descriptors - chains;
        bool callsLater = _lateCall.MayWait(queue, occupied + queue.Available());
        queue.Complete(batch, done, 0, callsLater);
        _borders.Pass(done);
        if (callsLater)
        {
            _lateCall.Postpone(queue);
        }

        int left = queue.Available();
        NudgeIfDrained(left, occupied + left + done + _doneBefore, queue.Size);
        _doneBefore = done;

        // Full or absent: the host end wakes us. No kick is wanted meanwhile.
        return !isFull && (left > 0 || !WaitForMessages(queue, done));
    }

    /// <summary>The driver has no more messages than may wait for others. False when it has by now.</summary>
    /// <param name="queue">Whose.</param>
    /// <param name="taken">Chains that this turn took.</param>
    private bool WaitForMessages(Virtqueue queue, int taken)
    {
        _pace.OnTurn(taken, SparesKicks && _lateCall.IsPutOff && Port is { NeverHolds: false }, queue.Size);
        if (_pace.Known > 0)
        {
            loop.Postpone(this);
        }

        return WaitForMore(queue, _pace.Known, out _polledTransmit);
    }

    /// <summary>The queue goes, or the port: what the driver was not to kick for, or has kicked for just now, is not left behind.</summary>
    private void TakeRest()
    {
        // Each turn takes one at least: what comes meanwhile does not make it endless.
        for (int most = Transmit?.Available() ?? 0; most > 0 && Transmit is { } queue && queue.Available() > 0 && MoveFromGuest(queue); most--)
        {
        }
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
        batch.Truncate(loop.BytesPerTurn);
        long taken = batch.Length == 0 ? 0 : port.FromGuest(batch.Pieces, batch.Length);
        isFull = taken < batch.Length;
        if (isFull || _flow!.IsFromGuestWaiting)
        {
            _flow!.OnOffered(taken > 0, isFull);
        }

        Moved += taken;
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

        int chains = queue.Gather(batch, loop.BytesPerTurn, _chainsPerRead);
        if (chains == 0)
        {
            return !WaitForBuffers(queue);
        }

        if (_flow!.IsToGuestWaiting)
        {
            _flow.OnGiven();
        }

        batch.Truncate(loop.BytesPerTurn);
        _mostBuffers = Math.Max(_mostBuffers, queue.Available());
        _waitsForMany = false;
        long room = batch.Length;
        long given = room == 0 ? 0 : port.ToGuest(batch.Pieces);
        int filled = batch.CountFilled(given);
        Moved += given + (filled * TurnQueue.BytesPerBuffer);
        queue.Complete(batch, filled, given);
        port.Counters.ToGuestMessages += filled;

        // Walking buffers that a short read leaves empty is wasted, so their number follows what was there to read.
        bool isMore = given == room;
        _chainsPerRead = isMore ? Math.Min(_chainsPerRead * 4, MaxChainsPerRead) : Math.Max(filled, 1);
        queue.RefuseKicks();
        return (given > 0 && _pace.OnAnswer()) || isMore;
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
            bool waits = WaitForMore(queue, known: 0, out _polledReceive);
            if (waits)
            {
                _flow!.OnNoBuffers(hadBuffers: _mostBuffers > 0 || queue.Position != 0);
            }

            return waits;
        }

        loop.Postpone(this);
        return WaitForMore(queue, known: (_mostBuffers / PartsOfBuffers) - 1, out _polledReceive);
    }

    /// <summary>Waits for more than so many of the driver's chains. False when they are there by now.</summary>
    /// <param name="queue">Whose.</param>
    /// <param name="known">As many there may be already.</param>
    /// <param name="polled">Gets that number, while the loop looks instead of being kicked.</param>
    private bool WaitForMore(Virtqueue queue, int known, out int? polled)
    {
        polled = null;
        if (!loop.TryPoll(this))
        {
            return queue.WaitForDriver(known);
        }

        polled = known;
        queue.RefuseKicks();
        return queue.Available() <= known;
    }
}
