using System.Diagnostics;
using VmChannel.Device.Loop;
using VmChannel.Device.Virtqueues;

namespace VmChannel.Device.VirtioSerial;

/// <summary>Calls the driver for transmit buffers a moment later, when most often it need not be called at all. Loop thread only.</summary>
/// <remarks>
/// Linux takes used buffers back at its next write and wants the call only when a writer sleeps on a full ring. Each call
/// costs a wake-up of the front-end and an interrupt of the guest, so there is none as long as it takes buffers back
/// without one. A driver that waits for every buffer is noticed by doing nothing until the late call and going on right
/// after it, time and again; it is called at once from then on.
/// </remarks>
/// <param name="loop">Gives it its turn.</param>
internal sealed class LateCall(DeviceLoop loop) : Runnable
{
    private const int PatienceForWaiters = 4;
    private static readonly long RightAfterTicks = Stopwatch.Frequency / 2000;

    private Virtqueue? _queue;
    private long _calledAt;
    private int _buffers;
    private int _gathered;
    private int _waits;

    /// <summary>The driver took buffers back without a call when it was last looked at.</summary>
    public bool IsPutOff { get; private set; }

    /// <summary>Whether a call may be late: not for a driver that waits for it, nor when the ring may soon be full for the driver.</summary>
    /// <param name="queue">The transmit queue.</param>
    /// <param name="occupied">Entries the device has not given back.</param>
    public bool MayWait(Virtqueue queue, int occupied)
    {
        // A driver may take used buffers back only when it is called, so for it these occupy the ring, too.
        if (occupied + _buffers >= queue.Size / 2 && queue.SkipTakenBack() is int left)
        {
            _buffers = left + _gathered;
        }

        bool mayWait = _waits < PatienceForWaiters && occupied + _buffers < queue.Size / 2;
        _buffers = mayWait ? _buffers : 0;
        return mayWait;
    }

    /// <summary>Buffers came.</summary>
    public void OnBuffers(int chains)
    {
        _buffers += chains;
        _gathered = chains;
        _waits = chains > 1 ? 0 : _waits;
        if (_calledAt != 0)
        {
            bool hasWaited = chains == 1 && Stopwatch.GetTimestamp() - _calledAt < RightAfterTicks;
            _waits = hasWaited ? _waits + 1 : 0;
            _calledAt = 0;
        }
    }

    /// <summary>Calls in a while, unless the driver has caught up by then.</summary>
    public void Postpone(Virtqueue queue)
    {
        if (queue.IsCallDue)
        {
            _queue = queue;
            loop.Postpone(this);
        }
    }

    /// <summary>The queue stops: calls now what it may not touch later.</summary>
    public void Settle()
    {
        Call();
        _waits = 0;
        _calledAt = 0;
        IsPutOff = false;
    }

    protected internal override bool Run()
    {
        int? left = _queue?.SkipTakenBack();
        if (left > 0)
        {
            _buffers = left.Value;
            loop.Postpone(this);
        }
        else
        {
            Call();
        }

        // None left is the rule when it was the driver's kick that woke the loop: it takes back what it can just before.
        IsPutOff = left is not null;
        return false;
    }

    private void Call()
    {
        bool called = _queue?.CallIfWanted() == true;
        _calledAt = called && _buffers == 1 ? Stopwatch.GetTimestamp() : 0;
        _waits = _buffers > 1 ? 0 : _waits;
        _buffers = 0;
        _queue = null;
    }
}
