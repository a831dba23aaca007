using Microsoft.Extensions.Logging;
using VmChannel.Device.Ports;
using VmChannel.Device.Virtqueues;
using VmChannel.Wire.VirtioConsole;

namespace VmChannel.Device.VirtioSerial;

/// <summary>The device as a driver without MULTIPORT sees it: two queues and one port, which counts as open while they run. Loop thread only.</summary>
/// <remarks>The port is the console's, or else the lowest there is; it stays the same while its queues run.</remarks>
/// <param name="ports">All numbers of the device.</param>
/// <param name="record">The device's.</param>
/// <param name="log">One line per port that is not what it was meant to be.</param>
internal sealed partial class SinglePort(SerialPort[] ports, DeviceRecord record, ILogger log)
{
    private const string StartsOver = "its rings start from zero";

    /// <summary>The port, while one of its queues runs.</summary>
    public SerialPort? Slot { get; private set; }

    /// <summary>A queue runs from now on.</summary>
    /// <returns>True when that is a fresh driver.</returns>
    public bool Start(Virtqueue queue)
    {
        Slot ??= Array.Find(ports, slot => slot.Port is not null) ?? ports[0];
        bool isFresh = PortQueues.IsTransmit(queue.Index) && queue.Position == 0;
        if (isFresh)
        {
            record.Reset(StartsOver);
            Slot.Reset("the guest's driver started over");
        }

        // Drivers make a console of it, and a console's writer spins.
        if (Slot.Port is { Spec.IsConsole: false } port && PortQueues.IsTransmit(queue.Index))
        {
            LogSinglePort(port.Spec);
        }

        Slot.Port?.TreatAsConsole(true);
        Slot.Attach(queue);
        Open(Slot);
        return isFresh;
    }

    /// <summary>A queue was taken from the port.</summary>
    public void OnStopped()
    {
        if (Slot is { } slot)
        {
            slot.Close("its queues stopped");
            slot.Port?.TreatAsConsole(slot.Transmit is not null);
            Slot = slot.Transmit is null && slot.Receive is null ? null : slot;
        }
    }

    /// <summary>The first port came while a driver was running.</summary>
    public void MoveTo(SerialPort slot)
    {
        slot.TakeQueues(Slot!);
        Slot = slot;
        slot.Port!.TreatAsConsole(true);
        Open(slot);
    }

    private void Open(SerialPort slot)
    {
        if (slot is { Receive: not null, Transmit: not null })
        {
            record.NoteDriver();
            _ = slot.BecomeReady();
            slot.Port?.Record.SetReady(isNamed: false);
            slot.Port?.Record.SetSuspended(false);
            slot.Port?.SetGuestOpen(true, "its queues run");
        }
    }

    [LoggerMessage(106, LogLevel.Warning, "{Port}: the driver has no MULTIPORT and makes a console of it: only the last bytes (buffer=) wait for a host end, older bytes are dropped")]
    private partial void LogSinglePort(PortSpec port);
}
