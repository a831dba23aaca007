using VmChannel.Device.Channels;
using VmChannel.Device.Events;

namespace VmChannel.Device.Ports;

/// <summary>What is known of a port: its published state, and an event for every change of it. Changed on the loop thread only.</summary>
public sealed class PortRecord
{
    private readonly VmJournal _events;
    private volatile PortState _state;

    internal PortRecord(PortSpec spec, HostEnd end, VmJournal events)
    {
        _events = events;
        _state = new PortState { Spec = spec, HostEnd = end.Description };
    }

    /// <summary>The port now. Any thread.</summary>
    public PortState State => _state;

    /// <summary>Something happened that is not part of the state, such as a client that came.</summary>
    /// <param name="kind">What.</param>
    /// <param name="cause">Why, for people.</param>
    public void Tell(DeviceEventKind kind, string? cause = null) => Tell(kind, cause, null);

    internal void SetPlugged(bool isPlugged)
    {
        _state = _state with
        {
            PluggedSince = isPlugged ? DateTimeOffset.UtcNow : null,
            IsReady = false,
            IsNamed = false,
            IsSuspended = false,
        };
        Tell(isPlugged ? DeviceEventKind.Plugged : DeviceEventKind.Unplugged, null, null);
    }

    /// <summary>Somebody carries this one port to a guest, or nobody does any more.</summary>
    /// <param name="frontEnd">Who; null = nobody.</param>
    internal void SetFrontEnd(string? frontEnd)
    {
        if (_state.FrontEnd != frontEnd)
        {
            _state = _state with { FrontEnd = frontEnd };
            Tell(frontEnd is null ? DeviceEventKind.FrontEndDisconnected : DeviceEventKind.FrontEndConnected, frontEnd, null);
        }
    }

    /// <summary>A guest may import it over USB/IP.</summary>
    internal void SetExported() => _state = _state with { IsExported = true };

    /// <summary>The driver has set the port up, and was told its name if it has one.</summary>
    internal void SetReady(bool isNamed)
    {
        if (!_state.IsReady)
        {
            _state = _state with { IsReady = true, IsSuspended = false };
            Tell(DeviceEventKind.Ready, null, null);
        }

        if (isNamed && !_state.IsNamed)
        {
            _state = _state with { IsNamed = true };
            Tell(DeviceEventKind.Named, null, null);
        }
    }

    /// <summary>A fresh driver knows nothing of the port. Its own event says so.</summary>
    internal void ForgetDriver()
    {
        if (_state is not { IsReady: false, IsNamed: false, IsSuspended: false })
        {
            _state = _state with { IsReady = false, IsNamed = false, IsSuspended = false };
        }
    }

    internal void SetGuestOpen(bool isOpen, string? cause)
    {
        long generation = _state.GuestGeneration + (isOpen ? 1 : 0);
        _state = _state with { IsGuestOpen = isOpen, IsDraining = !isOpen, GuestGeneration = generation };
        Tell(isOpen ? DeviceEventKind.GuestOpened : DeviceEventKind.GuestClosed, cause, generation);
    }

    /// <summary>Nothing that the guest wrote before it closed the port is on its way any more.</summary>
    internal void SetDrained() => _state = _state with { IsDraining = false };

    /// <summary>Looks at the host's side, and tells when the first came or the last went.</summary>
    /// <param name="end">The host end.</param>
    /// <param name="isConnected">It is there, or a client beside it.</param>
    /// <param name="isWritable">What the guest is told.</param>
    internal void LookAtHost(HostEnd end, bool isConnected, bool isWritable)
    {
        PortState old = _state;
        bool isNews = isConnected != old.IsHostOpen;
        if (!isNews && isWritable == old.IsWritable && end.Detail == old.HostDetail && end.Description == old.HostEnd)
        {
            return;
        }

        long generation = old.HostGeneration + (isNews && isConnected ? 1 : 0);
        _state = old with
        {
            IsHostOpen = isConnected,
            HostGeneration = generation,
            IsWritable = isWritable,
            HostEnd = end.Description,
            HostDetail = end.Detail,
        };
        if (isNews)
        {
            // A client beside the host end has events of its own, which say who it is.
            Tell(isConnected ? DeviceEventKind.HostOpened : DeviceEventKind.HostClosed, end.IsOpen == isConnected ? end.Detail : null, generation);
        }
    }

    /// <summary>Limits, policy or log file are others from now on.</summary>
    internal void SetSpec(PortSpec spec, string whatDiffers)
    {
        _state = _state with { Spec = spec };
        if (whatDiffers.Length > 0)
        {
            Tell(DeviceEventKind.Changed, whatDiffers, null);
        }
    }

    /// <summary>Somebody waits until the guest closes the port.</summary>
    internal void SetAwaitsClose(bool isSo)
    {
        if (isSo != _state.AwaitsCloseSince is not null)
        {
            _state = _state with { AwaitsCloseSince = isSo ? DateTimeOffset.UtcNow : null };
        }
    }

    internal void SetThrottled(DateTimeOffset? since, string? cause)
    {
        _state = _state with { ThrottledSince = since };
        Tell(since is null ? DeviceEventKind.Unthrottled : DeviceEventKind.Throttled, cause, null);
    }

    internal void SetStalled(StallReason reason, DateTimeOffset since)
    {
        _state = _state with { Stall = reason, StalledSince = since };
        Tell(DeviceEventKind.Stalled, reason.Describe(), null);
    }

    /// <summary>One direction moves again; what stalls in the other, if anything, is what remains.</summary>
    internal void SetRecovered(StallReason recovered, StallReason left, DateTimeOffset? leftSince)
    {
        _state = _state with { Stall = left, StalledSince = leftSince };
        Tell(DeviceEventKind.Recovered, recovered is StallReason.NoHostEnd or StallReason.HostEndFull ? "bytes of the guest" : "bytes for the guest", null);
    }

    internal void SetSuspended(bool isSuspended)
    {
        if (_state.IsSuspended != isSuspended)
        {
            _state = _state with { IsSuspended = isSuspended };
            Tell(isSuspended ? DeviceEventKind.Suspended : DeviceEventKind.Resumed, null, null);
        }
    }

    private void Tell(DeviceEventKind kind, string? cause, long? generation)
        => _events.Tell(_state.Spec.Number, _state.Spec.Protocol, kind, cause, generation);
}
