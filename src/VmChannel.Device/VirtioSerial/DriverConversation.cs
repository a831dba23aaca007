using System.Buffers.Binary;
using System.Text;
using Microsoft.Extensions.Logging;
using VmChannel.Device.Events;
using VmChannel.Device.Loop;
using VmChannel.Device.Ports;
using VmChannel.Device.Virtqueues;
using VmChannel.Native;
using VmChannel.Wire.VirtioConsole;

namespace VmChannel.Device.VirtioSerial;

/// <summary>What device and driver tell each other about ports, in control messages. Loop thread only.</summary>
internal sealed partial class DriverConversation
{
    private readonly VirtioSerialSettings _settings;
    private readonly SerialPort[] _ports;
    private readonly ControlQueues _queues;
    private readonly Action<SerialPort> _schedule;
    private readonly DeviceRecord _record;
    private readonly ILogger _log;
    private readonly LogLimit _limit = new();

    // A driver with all its ports starts twice in ten seconds at most.
    private readonly LogLimit _states = new(burst: 2 * (VirtioSerialSettings.MaxMaxPorts + 1));

    /// <param name="settings">The device's.</param>
    /// <param name="ports">All numbers of the device.</param>
    /// <param name="batch">Shared by the control queues of a loop.</param>
    /// <param name="schedule">Gives a port a turn.</param>
    /// <param name="record">The device's.</param>
    /// <param name="log">One line per event.</param>
    public DriverConversation(
        VirtioSerialSettings settings, SerialPort[] ports, ChainBatch batch, Action<SerialPort> schedule, DeviceRecord record, ILogger log)
    {
        _settings = settings;
        _ports = ports;
        _schedule = schedule;
        _record = record;
        _log = log;
        _queues = new ControlQueues(batch, Note, Handle, record.Counters);
        Room = settings.MaxPorts;
    }

    public ControlQueues Queues => _queues;

    /// <summary>Ports the front-end can carry.</summary>
    public int Room { get; set; }

    /// <summary>Of the console; default while nobody knows.</summary>
    public TerminalSize Size { get; set; }

    /// <summary>Acts on a message of the driver.</summary>
    public void Handle(ControlMessage message)
    {
        if (message.Event == ControlEvent.DeviceReady)
        {
            HandleDeviceReady(message.Value);
        }
        else if (message.Event == ControlEvent.PortReady && message.PortId < Room && IsForAnEarlierPort(_ports[message.PortId]))
        {
            // Of the port that is plugged now the driver has yet to hear.
        }
        else if (message.PortId >= Room || _ports[message.PortId] is not { Port: { } port } slot)
        {
            // Drivers are known to send garbage ids, and to answer for a port that was just removed.
            _record.Counters.BadControlMessages++;
            LogControl(message.Event, message.PortId, "no such port");
        }
        else if (message.Event == ControlEvent.PortReady && message.Value == 0)
        {
            LogControl(message.Event, message.PortId, "the driver could not set the port up");
            port.Record.Tell(DeviceEventKind.Failed);
        }
        else if (message.Event == ControlEvent.PortReady)
        {
            _record.NoteDriver();
            Introduce(slot, port);
        }
        else if (message.Event == ControlEvent.PortOpen && !slot.IsStale)
        {
            slot.SetGuestOpen(port, message.Value != 0);
            _schedule(slot);
        }
    }

    /// <summary>The guest's CPU spins until the message is taken: what is on the port's ring now was written before it closed the port.</summary>
    private void Note(ControlMessage message)
    {
        if (message is { Event: ControlEvent.PortOpen, Value: 0 } && message.PortId < Room)
        {
            _ports[message.PortId].NoteClose();
        }
    }

    /// <summary>Counts an answer to PORT_ADD. True when a later PORT_ADD is to be answered yet.</summary>
    private static bool IsForAnEarlierPort(SerialPort slot)
    {
        slot.UnansweredAdds = Math.Max(0, slot.UnansweredAdds - 1);
        return slot.UnansweredAdds > 0;
    }

    private void HandleDeviceReady(ushort value)
    {
        if (value == 0)
        {
            _record.SetDriver(isReady: false);
            if (_states.Pass(out _))
            {
                LogDriverFailed();
            }

            return;
        }

        if (_states.Pass(out _))
        {
            LogDriverReady(Room);
        }

        // A driver that begins knows no port: what waits was for the one before it.
        _record.Reset("it says DEVICE_READY again");
        _record.SetDriver(isReady: true);
        _queues.Clear();
        foreach (SerialPort slot in _ports)
        {
            slot.Reset("the guest's driver started over");
            Announce(slot);
        }
    }

    /// <summary>A port exists now.</summary>
    public void Announce(SerialPort slot)
    {
        // Waits while no driver runs: one that was only paused hears of it then, a fresh one asks with DEVICE_READY.
        if (slot.Port is not null && slot.Number < Room)
        {
            slot.UnansweredAdds++;
            _queues.Send(new((uint)slot.Number, ControlEvent.PortAdd, 1));
        }
    }

    /// <summary>The driver knows the port: says what it is, how it is called and whether the host end is there.</summary>
    private void Introduce(SerialPort slot, Port port)
    {
        uint id = (uint)slot.Number;
        if (port.Spec.IsConsole)
        {
            _queues.Send(new(id, ControlEvent.ConsolePort, 1));
        }

        if (port.Spec.Protocol is { } name)
        {
            // With the terminating NUL, as QEMU sends it and every driver has seen it.
            _queues.Send(new(id, ControlEvent.PortName, 1), [.. Encoding.UTF8.GetBytes(name), 0]);
        }

        if (slot.BecomeReady() && _states.Pass(out _))
        {
            LogPortReady(port.Spec);
        }

        port.Record.SetReady(port.Spec.Protocol is not null);
        TellHostOpen(slot, port);
        if (port.Spec.IsConsole && Size != default)
        {
            SendSize();
        }
    }

    /// <summary>The host end came or went.</summary>
    public void TellHostOpen(SerialPort slot, Port port)
    {
        slot.IsHostOpenTold = port.IsHostOpen;
        _queues.Send(new((uint)slot.Number, ControlEvent.PortOpen, port.IsHostOpen ? (ushort)1 : (ushort)0));
    }

    /// <summary>The console has another size.</summary>
    public void SendSize()
    {
        (ushort first, ushort second) = _settings.ResizeColumnsFirst ? (Size.Columns, Size.Rows) : (Size.Rows, Size.Columns);
        byte[] size = new byte[2 * sizeof(ushort)];
        BinaryPrimitives.WriteUInt16LittleEndian(size, first);
        BinaryPrimitives.WriteUInt16LittleEndian(size.AsSpan(sizeof(ushort)), second);
        _queues.Send(new(0, ControlEvent.Resize, 1), size);
    }

    /// <summary>Wakes a writer that the driver may have forgotten.</summary>
    public void Nudge(SerialPort slot)
    {
        if (_settings.WakeNudges && slot is { IsReady: true, IsHostOpenTold: true, Port: { Spec.IsConsole: false } port })
        {
            port.Counters.WakeNudges++;
            _queues.Send(new((uint)slot.Number, ControlEvent.PortOpen, 1));
        }
    }

    private void LogControl(ControlEvent @event, uint port, string what)
    {
        if (_limit.Pass(out _))
        {
            LogBadControl(@event, port, what);
        }
    }

    [LoggerMessage(100, LogLevel.Information, "driver ready, room for {Room} ports")]
    private partial void LogDriverReady(int room);

    [LoggerMessage(101, LogLevel.Warning, "the guest's driver failed to set the device up")]
    private partial void LogDriverFailed();

    [LoggerMessage(102, LogLevel.Information, "{Port}: ready")]
    private partial void LogPortReady(PortSpec port);

    [LoggerMessage(104, LogLevel.Warning, "control message {Event} for port {Port}: {What}")]
    private partial void LogBadControl(ControlEvent @event, uint port, string what);
}
