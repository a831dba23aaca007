using VmChannel.Device.Loop;
using VmChannel.Device.VirtioSerial;
using VmChannel.Device.Virtqueues;
using VmChannel.Native;
using VmChannel.Wire.Virtio;
using VmChannel.Wire.VirtioConsole;

namespace VmChannel.Device.VhostUser;

/// <summary>What a front-end has said about one ring so far, and the ring once that is complete.</summary>
internal sealed class QueueSetup(int index, DeviceLoop loop, VirtioSerialDevice device) : IReadiness, IDisposable
{
    private FileDescriptor? _kick;
    private FileDescriptor? _call;
    private FileDescriptor? _error;
    private Registration? _kickWatch;
    private Virtqueue? _running;
    private NotifierKind _kickKind;
    private NotifierKind _callKind;

    /// <summary>Entries; 0 until the front-end said how many.</summary>
    public int Size { get; set; }

    public RingAddresses? Addresses { get; set; }

    public bool IsEnabled { get; set; }

    /// <summary>SET_VRING_KICK came: with a descriptor, or with the word that there is none and the ring is polled.</summary>
    public bool IsKickSet { get; private set; }

    public bool IsRunning => _running is not null;

    /// <summary>Where the ring stopped, or will go on: what GET_VRING_BASE answers.</summary>
    public ushort Position { get; set; }

    /// <summary>Takes the kick descriptor. An error when it cannot be waited for.</summary>
    public string? SetKick(FileDescriptor? kick)
    {
        _kickWatch?.Dispose();
        _kick?.Dispose();
        _kick = kick;
        _kickKind = KindOf(kick);
        _kickWatch = null;
        IsKickSet = true;
        if (kick is null)
        {
            return null;
        }

        PosixResult watched = loop.Add(kick, EpollEvents.In, this, out _kickWatch);
        if (watched.IsSuccess)
        {
            return null;
        }

        ForgetKick();
        return $"the kick descriptor of queue {index} cannot be watched: {watched.Message}";
    }

    public void SetCall(FileDescriptor? call)
    {
        // A front-end that hands over something that blocks must not be able to stop the loop.
        _ = call?.SetNonBlocking(true);
        if (_running is not null)
        {
            _running.Call = call;
        }

        _call?.Dispose();
        _call = call;
        _callKind = KindOf(call);
        CallAgain();
    }

    public void SetError(FileDescriptor? error)
    {
        _ = error?.SetNonBlocking(true);
        if (_running is not null)
        {
            _running.Error = error;
        }

        _error?.Dispose();
        _error = error;
    }

    /// <summary>Starts the ring if all is known. An error when what is known makes no ring.</summary>
    /// <param name="memory">Where the ring lies.</param>
    /// <param name="features">What the driver acknowledged.</param>
    /// <param name="inBandCall">Calls the driver by message; null without in-band notifications.</param>
    public string? TryStart(GuestMemory memory, ulong features, Action<int>? inBandCall)
    {
        if (_running is not null || !IsEnabled || !IsKickSet || Size == 0 || Addresses is not { } addresses || memory.RegionCount == 0)
        {
            return null;
        }

        SplitRing? ring = (addresses with { Size = Size }).Open(memory, (VirtioFeatures)features, out string? error);
        if (ring is null)
        {
            return $"queue {index} {error}";
        }

        _running = new Virtqueue(index, deviceWrites: !PortQueues.IsTransmit(index), ring, _call, _error) { InBandCall = inBandCall };
        CallAgain();
        device.StartQueue(_running);
        return null;
    }

    private static NotifierKind KindOf(FileDescriptor? descriptor)
        => descriptor is null ? NotifierKind.None : descriptor.Kind() == FileKind.Socket ? NotifierKind.Socket : NotifierKind.EventFd;

    /// <summary>A call for what was used before went to a descriptor that may be gone; one too many harms nobody.</summary>
    private void CallAgain()
    {
        if (_running is { Position: not 0, Call: { } call })
        {
            _ = EventFd.Signal(call);
        }
    }

    /// <summary>GET_VRING_BASE ends a ring until its next SET_VRING_KICK.</summary>
    public void ForgetKick()
    {
        _ = SetKick(null);
        IsKickSet = false;
    }

    public void Stop()
    {
        if (_running is { } queue)
        {
            _running = null;
            device.StopQueue(index);
            Position = queue.Position;
        }
    }

    /// <summary>The queue as it is set up.</summary>
    /// <param name="hasInBand">Where there is no descriptor, a message tells.</param>
    public QueueState Describe(bool hasInBand)
    {
        NotifierKind other = hasInBand ? NotifierKind.InBand : NotifierKind.None;
        return new(
            index,
            Size,
            IsRunning,
            _kickKind == NotifierKind.None ? other : _kickKind,
            _callKind == NotifierKind.None ? other : _callKind);
    }

    public void OnReady(EpollEvents events) => Kick();

    public void Kick()
    {
        if (_running is not null)
        {
            device.Kick(index);
        }
    }

    /// <summary>Forgets all, as after a disconnect.</summary>
    public void Dispose()
    {
        Stop();
        _kickWatch?.Dispose();
        _kick?.Dispose();
        _call?.Dispose();
        _error?.Dispose();
    }
}
