using VmChannel.Device.Loop;
using VmChannel.Device.VirtioSerial;
using VmChannel.Native;
using VmChannel.Wire.VhostUser;
using VmChannel.Wire.Virtio;

namespace VmChannel.Device.VhostUser;

/// <summary>Everything a front-end has set up: features, memory, rings. One per device, and one place for a successor to take over.</summary>
/// <remarks>Loop thread only. Each method is one message; what it is given has been read off the wire and nothing more.</remarks>
internal sealed class VhostUserBackend : IDisposable
{
    private const ulong Ignored = (ulong)(VirtioFeatures.LogAll | VirtioFeatures.ProtocolFeatures);

    // UML takes at most 64 queues and fails to probe a device that has more.
    private const int UmlQueues = 64;

    private readonly VirtioSerialDevice _device;
    private readonly MemorySetup _memory = new();
    private readonly QueueSetup[] _queues;
    private readonly bool _offersInBand;
    private BackendRequests? _requests;
    private ulong? _features;
    private int _queuesSeen;

    public VhostUserBackend(DeviceLoop loop, VirtioSerialDevice device, bool offersInBand)
    {
        _device = device;
        _offersInBand = offersInBand;
        _queues = new QueueSetup[device.QueueCount];
        for (int i = 0; i < _queues.Length; i++)
        {
            _queues[i] = new QueueSetup(i, loop, device);
        }

        device.ConfigChanged = OnConfigChanged;
    }

    /// <summary>What front-end and back-end agreed on.</summary>
    public ProtocolFeatures ProtocolFeatures { get; private set; }

    /// <summary>They have agreed.</summary>
    public bool HasAgreed { get; private set; }

    public static ulong OfferedFeatures => VirtioSerialDevice.OfferedFeatures | (ulong)VirtioFeatures.ProtocolFeatures;

    public ProtocolFeatures OfferedProtocolFeatures
        => ProtocolFeatures.MultiQueue | ProtocolFeatures.ReplyAck | ProtocolFeatures.BackendRequests | ProtocolFeatures.Config
            | ProtocolFeatures.ResetDevice | ProtocolFeatures.ConfigureMemSlots | ProtocolFeatures.Status
            | (_offersInBand ? ProtocolFeatures.InBandNotifications : ProtocolFeatures.None);

    public int QueueCount => _queues.Length;

    public DeviceStatus Status { get; private set; }

    private bool HasStatus { get; set; }

    private bool HasInBand => ProtocolFeatures.HasFlag(ProtocolFeatures.InBandNotifications);

    public MessageOutcome SetFeatures(ulong features)
    {
        ulong unknown = features & ~(OfferedFeatures | Ignored);
        if (unknown != 0)
        {
            return MessageOutcome.Refused($"features 0x{unknown:x} were not offered");
        }

        // A ring keeps what it was started with, and the queues' meaning depends on MULTIPORT.
        bool changes = _features != features;
        if (changes)
        {
            StopAll();
        }

        _features = features;
        _device.SetFeatures(features);
        if ((features & (ulong)VirtioFeatures.ProtocolFeatures) == 0)
        {
            // Without protocol features there is no SET_VRING_ENABLE: rings are enabled from the start.
            foreach (QueueSetup queue in _queues)
            {
                queue.IsEnabled = true;
            }
        }

        return changes ? StartAll() : MessageOutcome.Accepted;
    }

    /// <param name="features">What the front-end takes.</param>
    /// <param name="asksForReply">The message wants an answer before REPLY_ACK was agreed: only UML does that.</param>
    public MessageOutcome SetProtocolFeatures(ulong features, bool asksForReply)
    {
        ProtocolFeatures unknown = (ProtocolFeatures)features & ~OfferedProtocolFeatures;
        if (unknown != ProtocolFeatures.None)
        {
            return MessageOutcome.Refused($"protocol features 0x{(ulong)unknown:x} were not offered");
        }

        ProtocolFeatures = (ProtocolFeatures)features;
        HasAgreed = true;
        if (asksForReply && !ProtocolFeatures.HasFlag(ProtocolFeatures.ConfigureMemSlots))
        {
            _device.LimitQueues(UmlQueues);
        }

        return MessageOutcome.Accepted;
    }

    public void SetBackendRequestSocket(FileDescriptor socket)
    {
        _ = socket.SetNonBlocking(true);
        _requests?.Dispose();
        _requests = new BackendRequests(socket);
    }

    public MessageOutcome SetMemoryTable(ReadOnlySpan<byte> payload, VhostUserConnection descriptors)
        => _memory.Replace(payload, descriptors, StopAll) is string error ? MessageOutcome.Refused(error) : StartAll();

    public MessageOutcome AddMemoryRegion(ReadOnlySpan<byte> payload, VhostUserConnection descriptors)
        => _memory.Add(payload, descriptors) is string error ? MessageOutcome.Refused(error) : StartAll();

    public MessageOutcome RemoveMemoryRegion(ReadOnlySpan<byte> payload)
    {
        if (!MemorySetup.TryReadSingle(payload, out MemoryRegion region))
        {
            return MessageOutcome.Refused("malformed memory region");
        }

        StopAll();
        bool removed = _memory.Remove(region);
        MessageOutcome started = StartAll();
        return removed ? started : MessageOutcome.Refused($"no memory region at guest address 0x{region.GuestAddress:x}");
    }

    public MessageOutcome SetSize(VringState state)
    {
        if (!TryFind(state.Index, out QueueSetup? queue, out MessageOutcome refused))
        {
            return refused;
        }

        if (!SplitLayout.IsValidSize(state.Value) || queue!.IsRunning)
        {
            return MessageOutcome.Refused($"queue {state.Index} cannot have {state.Value} entries now");
        }

        queue.Size = (int)state.Value;
        return MessageOutcome.Accepted;
    }

    public MessageOutcome SetAddresses(in VringAddress address)
    {
        if (!TryFind(address.Index, out QueueSetup? queue, out MessageOutcome refused))
        {
            return refused;
        }

        queue!.Stop();
        queue.Addresses = new(address.Descriptors, address.Available, address.Used, queue.Size);
        return Start(queue);
    }

    public MessageOutcome SetPosition(VringState state)
    {
        if (!TryFind(state.Index, out QueueSetup? queue, out MessageOutcome refused))
        {
            return refused;
        }

        // Kept for GET_VRING_BASE only: a started ring goes on from used.idx in guest memory (see SplitRing), because
        // some front-ends say avail.idx here and would lose the buffers between.
        queue!.Position = unchecked((ushort)state.Value);
        return MessageOutcome.Accepted;
    }

    /// <summary>Stops a ring. Null when there is no such queue.</summary>
    public ushort? StopAndGetPosition(uint index)
    {
        if (!TryFind(index, out QueueSetup? queue, out _))
        {
            return index < byte.MaxValue + 1 ? 0 : null;
        }

        queue!.Stop();
        queue.ForgetKick();
        return queue.Position;
    }

    public MessageOutcome SetKick(VringDescriptor message, FileDescriptor? descriptor)
    {
        if (!TryFind(message.Index, out QueueSetup? queue, out MessageOutcome refused))
        {
            descriptor?.Dispose();
            return refused;
        }

        if (descriptor is null && !HasInBand)
        {
            return MessageOutcome.Refused($"queue {message.Index} has no kick descriptor, and this back-end does not poll");
        }

        string? error = queue!.SetKick(descriptor);
        return error is null ? Start(queue) : MessageOutcome.Refused(error);
    }

    public MessageOutcome SetCall(VringDescriptor message, FileDescriptor? descriptor)
    {
        // QEMU names every queue it has here before it reads the configuration space, so the ports can be made to fit.
        _queuesSeen = _features is null ? Math.Max(_queuesSeen, message.Index + 1) : _queuesSeen;
        if (!TryFind(message.Index, out QueueSetup? queue, out _))
        {
            // QEMU 11 names all it has whatever GET_QUEUE_NUM said, and the rest are never used.
            descriptor?.Dispose();
            return MessageOutcome.Accepted;
        }

        queue!.SetCall(descriptor);
        return MessageOutcome.Accepted;
    }

    public MessageOutcome SetError(VringDescriptor message, FileDescriptor? descriptor)
    {
        if (!TryFind(message.Index, out QueueSetup? queue, out _))
        {
            descriptor?.Dispose();
            return MessageOutcome.Accepted;
        }

        queue!.SetError(descriptor);
        return MessageOutcome.Accepted;
    }

    public MessageOutcome Enable(VringState state)
    {
        if (!TryFind(state.Index, out QueueSetup? queue, out _))
        {
            return MessageOutcome.Accepted;
        }

        queue!.IsEnabled = state.Value != 0;
        if (queue.IsEnabled)
        {
            return Start(queue);
        }

        queue.Stop();
        return MessageOutcome.Accepted;
    }

    public MessageOutcome Kick(VringState state)
    {
        if (!TryFind(state.Index, out QueueSetup? queue, out MessageOutcome refused))
        {
            return refused;
        }

        queue!.Kick();
        return MessageOutcome.Accepted;
    }

    public void ReadConfig(int offset, Span<byte> destination)
    {
        if (_queuesSeen > 0)
        {
            _device.LimitQueues(_queuesSeen);
        }

        _device.ReadConfig(offset, destination);
    }

    public void WriteConfig(int offset, ReadOnlySpan<byte> source) => _device.WriteConfig(offset, source);

    public DeviceStatus GetStatus() => _device.IsBroken ? Status | DeviceStatus.NeedsReset : Status;

    public void SetStatus(DeviceStatus status)
    {
        Status = status;
        HasStatus = true;
        if (status == DeviceStatus.None)
        {
            ResetDevice();
        }
    }

    public void ResetDevice()
    {
        StopAll();
        foreach (QueueSetup queue in _queues)
        {
            queue.IsEnabled = false;
        }

        _device.Reset("the front-end reset the device");
    }

    /// <summary>What is set up, as far as this knows it.</summary>
    public FrontEndState Describe(FrontEndState state) => state with
    {
        ProtocolFeatures = HasAgreed ? ProtocolFeatures : null,
        Status = HasStatus ? GetStatus() : null,
        QueuesNamed = _queuesSeen,
        QueuesOffered = _queues.Length,
        MemoryRegions = _memory.Memory.RegionCount,
        MemoryRefusal = _memory.Refusal,
        HasRings = Array.Exists(_queues, queue => queue.Addresses is not null),
        Queues = [.. _queues.Where(queue => queue.Size > 0).Select(queue => queue.Describe(HasInBand))],
    };

    /// <summary>The front-end is gone: rings stop, memory is unmapped, the ports keep what they need to go on.</summary>
    public void Dispose()
    {
        foreach (QueueSetup queue in _queues)
        {
            queue.Dispose();
        }

        _memory.Dispose();
        _requests?.Dispose();
        _device.ConfigChanged = null;
        _device.LimitQueues(_device.QueueCount);
        _device.Suspend();
    }

    private bool TryFind(uint index, out QueueSetup? queue, out MessageOutcome refused)
    {
        queue = index < (uint)_queues.Length ? _queues[index] : null;
        refused = queue is null ? MessageOutcome.Refused($"queue {index} of {_queues.Length}") : default;
        return queue is not null;
    }

    private MessageOutcome Start(QueueSetup queue)
    {
        string? error = queue.TryStart(_memory.Memory, _features ?? 0, HasInBand ? Call : null);
        return error is null ? MessageOutcome.Accepted : MessageOutcome.Refused(error);
    }

    /// <summary>A device whose rings are all stopped sends nothing ("Suspended device state").</summary>
    private void OnConfigChanged()
    {
        if (Array.Exists(_queues, queue => queue.IsRunning))
        {
            _requests?.ConfigChanged();
        }
    }

    private void Call(int queue) => _requests?.Call(queue);

    private MessageOutcome StartAll()
    {
        foreach (QueueSetup queue in _queues)
        {
            MessageOutcome outcome = Start(queue);
            if (outcome.Kind != MessageOutcomeKind.Accepted)
            {
                return outcome;
            }
        }

        return MessageOutcome.Accepted;
    }

    private void StopAll()
    {
        foreach (QueueSetup queue in _queues)
        {
            queue.Stop();
        }
    }
}
