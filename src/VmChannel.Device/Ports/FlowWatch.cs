using VmChannel.Device.Loop;

namespace VmChannel.Device.Ports;

/// <summary>Notices when bytes of a port wait and do not move, and when its host end holds the guest back. Loop thread only.</summary>
/// <remarks>For the transport, which knows what waits. Where everything moves, one flag per direction is all that is looked at.</remarks>
internal sealed class FlowWatch
{
    /// <summary>A host end that takes less than it is offered is normal for a moment: every bulk transfer is like that.</summary>
    public static readonly TimeSpan ThrottlePatience = TimeSpan.FromSeconds(1);

    private readonly Port _port;
    private readonly LastingCondition _throttle;
    private readonly Direction _fromGuest;
    private readonly Direction _toGuest;
    private StallReason _guestReason;

    /// <param name="port">The port.</param>
    /// <param name="loop">Has the timers.</param>
    /// <param name="stallAfter">How long bytes have to wait.</param>
    public FlowWatch(Port port, DeviceLoop loop, TimeSpan stallAfter)
    {
        _port = port;
        _throttle = new(loop, ThrottlePatience, OnThrottled, () => _port.Record.SetThrottled(null, null));
        _fromGuest = new(this, loop, stallAfter, () => _port.IsConnected ? StallReason.HostEndFull : StallReason.NoHostEnd);
        _toGuest = new(this, loop, stallAfter, () => _port.HasInput ? _guestReason : StallReason.None);
    }

    /// <summary>Bytes for the guest may be waiting.</summary>
    public bool IsToGuestWaiting => _toGuest.Condition.IsOn;

    /// <summary>Bytes of the guest were waiting when last looked at.</summary>
    public bool IsFromGuestWaiting => _fromGuest.Condition.IsOn || _throttle.IsOn;

    /// <summary>Bytes of the guest were offered to the host end, and it took less than it was offered, or nothing waits any more.</summary>
    /// <param name="moved">It took some.</param>
    /// <param name="isFull">It did not take all.</param>
    public void OnOffered(bool moved, bool isFull)
    {
        if (isFull && _port.IsConnected)
        {
            _port.Counters.Throttles += _throttle.IsOn ? 0 : 1;
            _throttle.Begin();
        }
        else
        {
            _port.Counters.ThrottledMilliseconds += _throttle.End();
        }

        if (moved || !isFull)
        {
            _ = _fromGuest.Condition.End();
        }

        if (isFull)
        {
            _fromGuest.Condition.Begin();
        }
    }

    /// <summary>There may be bytes for the guest, and it has no buffer for them.</summary>
    /// <param name="hadBuffers">It ever had.</param>
    public void OnNoBuffers(bool hadBuffers)
    {
        _guestReason = hadBuffers ? StallReason.GuestNotReading : StallReason.GuestPostedNoBuffers;
        _toGuest.Condition.Begin();
    }

    /// <summary>The guest got bytes, or is to get none.</summary>
    public void OnGiven() => _ = _toGuest.Condition.End();

    /// <summary>The queues stop: nothing is waited for here.</summary>
    public void Settle()
    {
        _port.Counters.ThrottledMilliseconds += _throttle.End();
        _ = _fromGuest.Condition.End();
        _ = _toGuest.Condition.End();
    }

    /// <summary>The port goes.</summary>
    public void Stop()
    {
        _port.Counters.ThrottledMilliseconds += _throttle.Stop();
        _ = _fromGuest.Condition.Stop();
        _ = _toGuest.Condition.Stop();
    }

    private bool OnThrottled(DateTimeOffset since)
    {
        _port.Record.SetThrottled(since, _port.IsThrottled ? "its rate is used up" : "the host end takes less than the guest offers");
        return true;
    }

    private void OnRecovered(Direction moving)
    {
        Direction other = ReferenceEquals(moving, _fromGuest) ? _toGuest : _fromGuest;
        _port.Record.SetRecovered(moving.Reason, other.Reason, other.Since);
    }

    /// <summary>Bytes that go one way.</summary>
    private sealed class Direction
    {
        private readonly FlowWatch _watch;
        private readonly Func<StallReason> _look;

        public Direction(FlowWatch watch, DeviceLoop loop, TimeSpan patience, Func<StallReason> look)
        {
            _watch = watch;
            _look = look;
            Condition = new LastingCondition(loop, patience, OnLasted, OnEnded);
        }

        public LastingCondition Condition { get; }

        public StallReason Reason { get; private set; }

        public DateTimeOffset? Since { get; private set; }

        private bool OnLasted(DateTimeOffset since)
        {
            Reason = _look();
            Since = Reason == StallReason.None ? null : since;
            if (Reason != StallReason.None)
            {
                _watch._port.TellStalled(Reason, since);
            }

            return Reason != StallReason.None;
        }

        private void OnEnded()
        {
            _watch.OnRecovered(this);
            Reason = StallReason.None;
            Since = null;
        }
    }
}
