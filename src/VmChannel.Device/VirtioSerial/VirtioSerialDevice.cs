using Microsoft.Extensions.Logging;
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
    private readonly ChainBatch _batch = new();
    private readonly DriverConversation _conversation;
    private readonly SerialPort[] _ports;
    private readonly PinnedBuffer _emergency = new(1);
    private SerialPort? _single;
    private ushort _controlPosition;
    private bool _isSuspended;

    public VirtioSerialDevice(DeviceLoop loop, VirtioSerialSettings settings, ILogger<VirtioSerialDevice> log)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(settings.MaxPorts is > 0 and <= VirtioSerialSettings.MaxMaxPorts, true);
        _loop = loop;
        _settings = settings;
        _log = log;
        _ports = new SerialPort[settings.MaxPorts];
        for (int i = 0; i < _ports.Length; i++)
        {
            _ports[i] = new SerialPort(i, loop, _batch, slot => _conversation!.Nudge(slot));
        }

        _conversation = new DriverConversation(settings, _ports, Schedule, log);
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

    /// <summary>Kicks received, for measuring.</summary>
    public long Kicks { get; private set; }

    /// <summary>Plugs a port in; the guest sees it at once if it is there.</summary>
    /// <exception cref="InvalidOperationException">The number is taken or beyond the device's room.</exception>
    public void Plug(Port port)
    {
        int number = port.Spec.Number;
        if (number >= _ports.Length || _ports[number].Port is not null)
        {
            throw new InvalidOperationException($"{port.Spec}: the number is taken or not below {_ports.Length}");
        }

        SerialPort slot = _ports[number];
        slot.Plug(port);
        port.AttachTransport(() => OnPortWake(slot));
        if (_single is { Port: null })
        {
            MoveSinglePort(slot);
        }

        _conversation.Announce(slot);
    }

    /// <summary>Takes a port out, also while it is open. The caller disposes it.</summary>
    public Port? Unplug(int number)
    {
        SerialPort slot = _ports[number];
        Port? port = slot.Unplug();
        if (port is not null)
        {
            port.AttachTransport(null);
            port.SetGuestOpen(false);
            _conversation.Queues.SendRemove((uint)number);
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
    public void SetFeatures(ulong features) => IsMultiPort = (features & (ulong)ConsoleFeatures.MultiPort) != 0;

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
            }
        }
    }

    /// <summary>Reads the configuration space. Bytes past its end are zero: a failed read would end some VMMs.</summary>
    public void ReadConfig(int offset, Span<byte> destination)
    {
        Span<byte> space = stackalloc byte[ConsoleConfig.Size];
        new ConsoleConfig(_conversation.Size.Columns, _conversation.Size.Rows, (uint)_conversation.Room).Write(space);
        destination.Clear();
        if (offset < space.Length)
        {
            space[offset..Math.Min(space.Length, offset + destination.Length)].CopyTo(destination);
        }
    }

    /// <summary>The driver wrote the configuration space: a character for an emergency, if any.</summary>
    /// <remarks>QEMU always writes all of it, so only a non-zero emerg_wr is one.</remarks>
    public void WriteConfig(int offset, ReadOnlySpan<byte> source)
    {
        int at = ConsoleConfig.EmergencyWriteOffset - offset;
        if (at >= 0 && at < source.Length && source[at] != 0 && _ports[0].Port is { Spec.IsConsole: true } console)
        {
            _emergency.Span[0] = source[at];
            _ = console.FromGuest([_emergency.Vector(0, 1)], 1);
        }
    }

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
                Reset();
            }
            else if (!IsBroken)
            {
                Resume();
            }
        }

        if (!IsMultiPort)
        {
            StartSinglePort(queue);
        }
        else if (PortQueues.Port(queue.Index) is { } number)
        {
            Place(_ports[number], queue);
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

        Kick(queue.Index);
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

            if (index <= 1 && _single is { } single)
            {
                single.Port?.SetGuestOpen(false);
                single.Port?.TreatAsConsole(single.Transmit is not null);
                _single = single.Transmit is null && single.Receive is null ? null : single;
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
        }
    }

    /// <summary>The driver made something available on a queue. Numbers of queues that do not run are ignored.</summary>
    internal void Kick(int index)
    {
        Kicks++;
        if (PortQueues.Port(index) is { } number)
        {
            Schedule(IsMultiPort ? _ports[number] : _single);
        }
        else if (_conversation.Queues.Run())
        {
            _loop.Schedule(_conversation.Queues);
        }
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
        }
    }

    /// <summary>A fresh driver: nothing is ready, nothing is open.</summary>
    internal void Reset()
    {
        IsBroken = false;
        _isSuspended = false;
        _controlPosition = 0;
        _conversation.Queues.Clear();
        foreach (SerialPort slot in _ports)
        {
            slot.Reset();
        }
    }

    public void Dispose()
    {
        foreach (SerialPort slot in _ports)
        {
            slot.Unplug()?.Dispose();
        }
    }

    private static void Place(SerialPort slot, Virtqueue queue)
    {
        if (PortQueues.IsTransmit(queue.Index))
        {
            slot.Transmit = queue;
        }
        else
        {
            slot.Receive = queue;
        }
    }

    private void StartSinglePort(Virtqueue queue)
    {
        if (queue.Index > 1)
        {
            return;
        }

        // The only port is the console, or else the lowest one there is; it stays the same while its queues run.
        _single ??= Array.Find(_ports, slot => slot.Port is not null) ?? _ports[0];
        if (PortQueues.IsTransmit(queue.Index) && queue.Position == 0)
        {
            IsBroken = false;
            _single.Reset();
        }

        // Drivers make a console of it, and a console's writer spins.
        if (_single.Port is { Spec.IsConsole: false } port && PortQueues.IsTransmit(queue.Index))
        {
            LogSinglePort(port.Spec);
        }

        _single.Port?.TreatAsConsole(true);
        Place(_single, queue);
        _single.Port?.SetGuestOpen(_single is { Receive: not null, Transmit: not null });
    }

    /// <summary>The first port came while a driver without MULTIPORT was running.</summary>
    private void MoveSinglePort(SerialPort slot)
    {
        slot.TakeQueues(_single!);
        _single = slot;
        slot.Port!.TreatAsConsole(true);
        slot.Port.SetGuestOpen(slot is { Receive: not null, Transmit: not null });
        Schedule(slot);
    }

    /// <summary>Gives a port a turn, but not before it is known whether its queues go on or start over.</summary>
    private void Schedule(SerialPort? slot)
    {
        if (slot is not null && (!IsMultiPort || _conversation.Queues.Transmit is not null))
        {
            _loop.Schedule(slot);
        }
    }

    private void Resume()
    {
        _isSuspended = false;
        foreach (SerialPort slot in _ports)
        {
            slot.Resume();
        }
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
        _conversation.Queues.Receive?.Halt();
        _conversation.Queues.Transmit?.Halt();
        foreach (SerialPort slot in _ports)
        {
            slot.Receive?.Halt();
            slot.Transmit?.Halt();
            slot.Reset();
        }

        ConfigChanged?.Invoke();
    }

    [LoggerMessage(103, LogLevel.Error, "{Port} cannot be carried: the front-end has {Queues} queues, room for ports 0 to {Last}")]
    private partial void LogNoRoom(PortSpec port, int queues, int last);

    [LoggerMessage(106, LogLevel.Warning, "{Port}: the driver has no MULTIPORT and makes a console of it: only the last bytes (buffer=) wait for a host end, older bytes are dropped")]
    private partial void LogSinglePort(PortSpec port);

    [LoggerMessage(105, LogLevel.Error, "the guest broke queue {Queue} ({Fault}): the device stops until the driver resets it")]
    private partial void LogBroken(int queue, RingFault fault);
}
