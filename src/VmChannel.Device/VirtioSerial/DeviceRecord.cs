using VmChannel.Device.Events;
using VmChannel.Device.Loop;

namespace VmChannel.Device.VirtioSerial;

/// <summary>What is known of a device: its published state, and an event for every change of it. Changed on the loop thread only.</summary>
/// <remarks>
/// A front-end sets a device up with hundreds of messages. Events come one by one, but the state is put together and
/// published once per turn of the loop.
/// </remarks>
internal sealed class DeviceRecord : Runnable
{
    private const int ResetsKept = 16;

    private readonly DeviceLoop _loop;
    private readonly VmJournal _events;
    private readonly Func<DeviceState, DeviceState> _fill;
    private readonly Queue<DateTimeOffset> _resets = new();
    private volatile DeviceState _state;

    /// <param name="loop">The device's.</param>
    /// <param name="events">Where changes are told.</param>
    /// <param name="settings">The device's.</param>
    /// <param name="fill">Puts the device's own values into a state.</param>
    public DeviceRecord(DeviceLoop loop, VmJournal events, VirtioSerialSettings settings, Func<DeviceState, DeviceState> fill)
    {
        _loop = loop;
        _events = events;
        _fill = fill;
        _state = new DeviceState
        {
            IsOffered = settings.IsOffered,
            MaxPorts = settings.MaxPorts,
            Room = settings.MaxPorts,
            IsSuspended = true,
            Counters = Counters,
        };
    }

    public DeviceCounters Counters { get; } = new();

    /// <summary>The device now. Any thread.</summary>
    public DeviceState State => _state with { At = DateTimeOffset.UtcNow };

    /// <summary>A driver is there.</summary>
    public bool IsDriverReady { get; private set; }

    /// <summary>A driver said it cannot.</summary>
    public bool HasDriverFailed { get; private set; }

    public DeviceFault? Fault { get; private set; }

    /// <summary>Something that the state shows has changed.</summary>
    public void Changed() => _loop.Schedule(this);

    public void Tell(DeviceEventKind kind, string? cause = null)
    {
        _events.Tell(kind, cause);
        Changed();
    }

    /// <summary>A driver is ready for ports, or failed to be.</summary>
    public void SetDriver(bool isReady)
    {
        IsDriverReady = isReady;
        HasDriverFailed = !isReady;
        Tell(isReady ? DeviceEventKind.DriverReady : DeviceEventKind.DriverFailed);
    }

    /// <summary>The driver went on without a word about itself: after hibernation it says only what ports it has.</summary>
    public void NoteDriver()
    {
        if (!IsDriverReady)
        {
            SetDriver(isReady: true);
        }
    }

    /// <summary>The driver starts over. Nothing to tell when none was there.</summary>
    public void Reset(string cause)
    {
        if (IsDriverReady || HasDriverFailed || Fault is not null)
        {
            IsDriverReady = false;
            HasDriverFailed = false;
            Fault = null;
            Counters.Resets++;
            _resets.Enqueue(DateTimeOffset.UtcNow);
            if (_resets.Count > ResetsKept)
            {
                _ = _resets.Dequeue();
            }

            Tell(DeviceEventKind.DriverReset, cause);
        }
    }

    public void Break(DeviceFault fault)
    {
        Fault = fault;
        Tell(DeviceEventKind.DeviceBroken, $"queue {fault.Queue}: {fault.Reason}");
    }

    /// <summary>The connected front-end has something new, or is there no longer.</summary>
    public void SetFrontEnd(FrontEndState? frontEnd)
    {
        DateTimeOffset? left = frontEnd is null && _state.FrontEnd is not null ? DateTimeOffset.UtcNow : _state.FrontEndLeft;
        _state = _state with { FrontEnd = frontEnd, FrontEndLeft = left };
        Changed();
    }

    protected internal override bool Run()
    {
        _state = _fill(_state) with
        {
            IsDriverReady = IsDriverReady,
            HasDriverFailed = HasDriverFailed,
            Fault = Fault,
            RecentResets = [.. _resets],
        };
        return false;
    }
}
