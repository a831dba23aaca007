using Microsoft.Extensions.Logging;
using VmChannel.Device.Events;
using VmChannel.Device.Loop;
using VmChannel.Device.Ports;
using VmChannel.Device.Virtqueues;
using VmChannel.Native;
using VmChannel.Wire.Virtio;
using VmChannel.Wire.VirtioConsole;

namespace VmChannel.Device.VirtioSerial;

/// <summary>One virtio-serial device (virtio id 3, VIRTIO 1.3 §5.3), whatever carries its queues. Loop thread only.</summary>
/// <remarks>
/// Queues come and go with the driver (<see cref="StartQueue"/>, <see cref="StopQueue"/>); ports and their states outlive a
/// pause and a lost front-end, and start over with a fresh driver. Without MULTIPORT there are two queues and one port, the
/// console's or else the lowest, which counts as open while its queues run.
/// </remarks>
public sealed partial class VirtioSerialDevice : IDisposable
{
    private readonly DeviceLoop _loop;
    private readonly VirtioSerialSettings _settings;
    private readonly ILogger _log;
    private readonly DriverConversation _conversation;
    private readonly SerialPort[] _ports;
    private readonly ConfigSpace _config;
    private readonly DeviceRecord _record;
    private readonly SinglePort _single;
    private ulong? _features;
    private ushort _controlPosition;
    private bool _isSuspended;

    /// <param name="loop">Serves the device.</param>
    /// <param name="settings">What it is made with.</param>
    /// <param name="log">One line per change.</param>
    /// <param name="events">One event per change; null = nobody reads them.</param>
    public VirtioSerialDevice(DeviceLoop loop, VirtioSerialSettings settings, ILogger<VirtioSerialDevice> log, VmJournal? events = null)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(settings.MaxPorts is > 0 and <= VirtioSerialSettings.MaxMaxPorts, true);
        _loop = loop;
        _settings = settings;
        _log = log;
        _record = new DeviceRecord(loop, events ?? VmJournal.Unread, settings, Fill);
        _ports = new SerialPort[settings.MaxPorts];
        LoopBatches batches = loop.Shared<LoopBatches>();
        Action<SerialPort> nudge = slot => _conversation!.Nudge(slot);
        for (int i = 0; i < _ports.Length; i++)
        {
            _ports[i] = new SerialPort(i, loop, batches.Ports, settings, _record.Counters, nudge);
        }

        _conversation = new DriverConversation(settings, _ports, batches.Control, Schedule, _record, log);
        _config = new ConfigSpace(_conversation, _ports);
        _single = new SinglePort(_ports, _record, log);
    }

    /// <summary>Device and ring features offered to a driver.</summary>
    public static ulong OfferedFeatures
        => (ulong)(ConsoleFeatures.Size | ConsoleFeatures.MultiPort | ConsoleFeatures.EmergencyWrite)
            | (ulong)(VirtioFeatures.Version1 | VirtioFeatures.IndirectDescriptors | VirtioFeatures.EventIndex | VirtioFeatures.InOrder);

    /// <summary>Queues of the device as configured.</summary>
    public int QueueCount => PortQueues.Count(_settings.MaxPorts);

    /// <summary>The driver took MULTIPORT.</summary>
    public bool IsMultiPort { get; private set; }

    /// <summary>A ring broke; only a reset brings the device back.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>The driver should read the configuration space again: a bare wake-up for the transport.</summary>
    public Action? ConfigChanged { get; set; }

    /// <summary>The device now, without its ports. Any thread.</summary>
    public DeviceState State => _record.State;

    /// <summary>Live counters. Any thread.</summary>
    public DeviceCounters Counters => _record.Counters;

    /// <summary>Changes of the device that its transport knows of.</summary>
    internal DeviceRecord Record => _record;

    /// <summary>The device's front-end is another one from now on, and what it negotiates is not known yet.</summary>
    internal void ForgetFeatures() => _features = null;

    /// <inheritdoc cref="SerialPort.SparesKicks"/>
    internal bool SparesKicks
    {
        set => Array.ForEach(_ports, slot => slot.SparesKicks = value);
    }

    /// <summary>Plugs a port in; the guest sees it at once if it is there.</summary>
    /// <exception cref="PlugException">The number is taken, or beyond what the device or its front-end has room for.</exception>
    public void Plug(Port port)
    {
        int number = port.Spec.Number;
        if (FindObstacle(number) is string obstacle)
        {
            throw new PlugException($"{port.Spec} cannot be plugged in: {obstacle}");
        }

        SerialPort slot = _ports[number];
        slot.Plug(port);
        port.AttachTransport(() => OnPortWake(slot));
        if (_single.Slot is { Port: null })
        {
            _single.MoveTo(slot);
            Schedule(slot);
        }

        _conversation.Announce(slot);
    }

    /// <summary>Takes a port out, also while it is open. The caller disposes it.</summary>
    public Port? Unplug(int number)
    {
        SerialPort slot = _ports[number];
        slot.Close("it was unplugged");
        Port? port = slot.Unplug();
        if (port is not null)
        {
            port.AttachTransport(null);
            slot.UnansweredAdds -= _conversation.Queues.SendRemove((uint)number) ? 1 : 0;
            Schedule(slot);
        }

        return port;
    }

    /// <summary>The host's terminal has this size.</summary>
    public void Resize(TerminalSize size)
    {
        _conversation.Size = size;
        if (!IsMultiPort)
        {
            ConfigChanged?.Invoke();
        }
        else if (_ports[0] is { IsReady: true, Port.Spec.IsConsole: true })
        {
            _conversation.SendSize();
        }
    }

    /// <summary>The port is closed in the guest, and what was written to it has been delivered.</summary>
    public bool IsFinished(int number) => _ports[number] is { Port.IsGuestOpen: false, IsDrained: true };

    /// <summary>What was written to the port has been delivered, whether or not it is still open.</summary>
    public bool IsDelivered(int number) => _ports[number].IsDrained;

    /// <summary>What the driver acknowledged.</summary>
    public void SetFeatures(ulong features)
    {
        IsMultiPort = (features & (ulong)ConsoleFeatures.MultiPort) != 0;
        if (_features != features)
        {
            _features = features;
            _record.Tell(DeviceEventKind.FeaturesNegotiated, string.Join(", ", FeatureNames.Of(features)));
        }
    }

    /// <summary>The front-end carries this many queues; ports that do not fit are not shown to the guest.</summary>
    public void LimitQueues(int queues)
    {
        int room = Math.Min(_settings.MaxPorts, PortQueues.MaxPorts(queues));
        if (room != _conversation.Room)
        {
            _conversation.Room = room;
            foreach (SerialPort slot in _ports.Where(slot => slot.Port is not null && slot.Number >= room))
            {
                LogNoRoom(slot.Port!.Spec, queues, room - 1);
                slot.Port.Record.Tell(DeviceEventKind.NotCarried, $"the front-end has {queues} queues, room for ports 0 to {room - 1}");
            }

            _record.Changed();
        }
    }

    /// <inheritdoc cref="ConfigSpace.Read"/>
    public void ReadConfig(int offset, Span<byte> destination) => _config.Read(offset, destination);

    /// <inheritdoc cref="ConfigSpace.Write"/>
    public void WriteConfig(int offset, ReadOnlySpan<byte> source) => _config.Write(offset, source);

    /// <summary>A queue runs from now on.</summary>
    internal void StartQueue(Virtqueue queue)
    {
        queue.Broken = OnBroken;
        if (IsBroken && queue.Position != 0)
        {
            // A pause, or other memory, is no reset.
            queue.Halt();
        }

        if (queue.Index == PortQueues.ControlTransmit && IsMultiPort)
        {
            // used.idx tells a driver that goes on from one that starts over, whatever the front-end says.
            if (queue.Position == 0 || queue.Position != _controlPosition)
            {
                Reset("its rings start from zero");
            }
            else if (!IsBroken)
            {
                Resume();
            }
        }

        if (!IsMultiPort)
        {
            IsBroken &= queue.Index > 1 || !_single.Start(queue);
            _record.Changed();
        }
        else if (PortQueues.Port(queue.Index) is { } number)
        {
            _ports[number].Attach(queue);
        }
        else if (queue.Index == PortQueues.ControlReceive)
        {
            _conversation.Queues.Receive = queue;
        }
        else
        {
            _conversation.Queues.Transmit = queue;
        }

        if (queue.Index == PortQueues.ControlTransmit && IsMultiPort)
        {
            // Ports whose queues started before this one waited for the decision above.
            foreach (SerialPort slot in _ports)
            {
                Schedule(slot);
            }
        }

        Serve(queue.Index);
    }

    /// <summary>A queue stops: nothing touches its ring any more.</summary>
    internal void StopQueue(int index)
    {
        if (PortQueues.Port(index) is not null)
        {
            // Looked for, not computed: nothing may keep a queue whose memory goes away.
            foreach (SerialPort slot in _ports)
            {
                slot.Detach(index);
            }

            if (index <= 1)
            {
                _single.OnStopped();
            }
        }
        else if (index == PortQueues.ControlReceive)
        {
            _conversation.Queues.Receive = null;
        }
        else
        {
            _controlPosition = _conversation.Queues.Transmit?.Position ?? _controlPosition;
            _conversation.Queues.Transmit = null;
            _record.Changed();
        }
    }

    /// <summary>The driver made something available on a queue. Numbers of queues that do not run are ignored.</summary>
    internal void Kick(int index)
    {
        _record.Counters.Kicks++;
        if (PortQueues.Port(index) is { } number && (IsMultiPort ? _ports[number] : _single.Slot) is { Port.Counters: { } counters })
        {
            counters.Kicks++;
        }

        Serve(index);
    }

    /// <summary>The front-end is gone. It may come back with the same guest, so states are kept, but nobody is there now.</summary>
    internal void Suspend()
    {
        if (!_isSuspended)
        {
            _isSuspended = true;
            foreach (SerialPort slot in _ports)
            {
                slot.Suspend();
            }

            _record.Changed();
        }
    }

    /// <summary>A fresh driver: nothing is ready, nothing is open.</summary>
    /// <param name="cause">How that is known, for events.</param>
    internal void Reset(string cause)
    {
        _record.Reset(cause);
        IsBroken = false;
        _isSuspended = false;
        _controlPosition = 0;
        _conversation.Queues.Clear();
        foreach (SerialPort slot in _ports)
        {
            slot.Reset("the guest's driver started over");
        }

        _record.Changed();
    }

    public void Dispose()
    {
        foreach (SerialPort slot in _ports)
        {
            slot.Unplug()?.Dispose();
        }
    }

    /// <summary>Why a number cannot be plugged now; null when it can.</summary>
    private string? FindObstacle(int number)
        => number >= _ports.Length ? $"the device was made for ports 0 to {_ports.Length - 1}; restart it with --max-ports {number + 1}"
            : _ports[number].Port is { } other ? $"the number is taken by {other.Spec}"
            : number >= _conversation.Room ? $"the front-end that is connected carries ports 0 to {_conversation.Room - 1}; "
                + $"take a number below {_conversation.Room}, or restart the VM with {PortQueues.Count(number + 1)} queues"
            : null;

    private DeviceState Fill(DeviceState state) => state with
    {
        Room = _conversation.Room,
        Features = _features,
        IsSuspended = IsMultiPort ? _conversation.Queues.Transmit is null : _single.Slot is null,
    };

    /// <summary>Gives a port a turn, but not before it is known whether its queues go on or start over.</summary>
    private void Schedule(SerialPort? slot)
    {
        if (slot is not null && (!IsMultiPort || _conversation.Queues.Transmit is not null))
        {
            _loop.Schedule(slot);
        }
    }

    private void Serve(int index)
    {
        if (PortQueues.Port(index) is { } number)
        {
            Schedule(IsMultiPort ? _ports[number] : _single.Slot);
        }
        else if (_conversation.Queues.Run())
        {
            _loop.Schedule(_conversation.Queues);
        }
    }

    private void Resume()
    {
        _isSuspended = false;
        foreach (SerialPort slot in _ports)
        {
            slot.Resume();
        }

        _record.Changed();
    }

    private void OnPortWake(SerialPort slot)
    {
        if (slot is { IsReady: true, Port: { } port } && slot.IsHostOpenTold != port.IsHostOpen)
        {
            _conversation.TellHostOpen(slot, port);
        }

        Schedule(slot);
    }

    private void OnBroken(Virtqueue queue)
    {
        IsBroken = true;
        LogBroken(queue.Index, queue.Fault);
        _record.Break(new DeviceFault(queue.Index, queue.Fault.ToString()));
        _conversation.Queues.Receive?.Halt();
        _conversation.Queues.Transmit?.Halt();
        foreach (SerialPort slot in _ports)
        {
            slot.Receive?.Halt();
            slot.Transmit?.Halt();
            slot.Reset("the guest broke the device");
        }

        ConfigChanged?.Invoke();
    }

    [LoggerMessage(103, LogLevel.Error, "{Port} cannot be carried: the front-end has {Queues} queues, room for ports 0 to {Last}")]
    private partial void LogNoRoom(PortSpec port, int queues, int last);

    [LoggerMessage(105, LogLevel.Error, "the guest broke queue {Queue} ({Fault}): the device stops until the driver resets it")]
    private partial void LogBroken(int queue, RingFault fault);
}
