using VmChannel.Native;

namespace VmChannel.Device.UsbSerial;

/// <content>How the guest learns of the host end: in what begins a packet, or on the interrupt endpoint.</content>
public sealed partial class UsbSerialAdapter
{
    /// <summary>A driver has one under way.</summary>
    private const int MaxHeldNotifications = 16;

    private readonly List<ulong> _notifications = [];

    /// <summary>What the guest knows; null = nothing yet.</summary>
    private bool? _toldOpen;

    /// <summary>The adapter has an interrupt endpoint, and the guest's system has chosen the configuration.</summary>
    internal bool HasNotifications => Configuration != 0 && _device.NotificationBytes > 0;

    /// <summary>Tells the guest the state of the host end once more, if it waits to be told: a guest that is not there any more shows by it.</summary>
    public void TellAgain()
    {
        _toldOpen = null;
        _loop.Schedule(this);
    }

    /// <summary>The guest wants to be told on the interrupt endpoint when the host end comes or goes.</summary>
    /// <param name="id">Names the transfer.</param>
    /// <param name="bytes">Most that it takes.</param>
    internal void SubmitNotification(ulong id, long bytes)
    {
        if (!HasNotifications || bytes < _device.NotificationBytes)
        {
            _host?.FailNotification(id, TransferStatus.Invalid);
        }
        else if (_notifications.Count == MaxHeldNotifications)
        {
            _host?.FailNotification(id, TransferStatus.TooMany);
        }
        else
        {
            _notifications.Add(id);
            _loop.Schedule(this);
        }
    }

    /// <summary>The guest gives up to be told.</summary>
    internal void CancelNotifications()
    {
        foreach (ulong id in _notifications)
        {
            _host?.FailNotification(id, TransferStatus.Cancelled);
        }

        _notifications.Clear();

        // The last may have come too late for a driver that gave up at the same time.
        _toldOpen = null;
    }

    private bool TryCancelNotification(ulong id)
    {
        if (!_notifications.Remove(id))
        {
            return false;
        }

        _toldOpen = null;
        _host?.FailNotification(id, TransferStatus.Cancelled);
        return true;
    }

    /// <summary>A change of the host end reaches the guest although there is nothing to read.</summary>
    private void TellState(IUsbHost host)
    {
        if (_toldOpen == Port.IsHostOpen)
        {
            return;
        }

        if (_device.NotificationBytes > 0)
        {
            Notify(host);
        }
        else if (_input.Count > 0 && host.TryReserve(_device.HeaderBytes, out PinnedBuffer buffer, out int offset))
        {
            PutHeader(buffer.Span[offset..]);
            CompleteFirst(host, _device.HeaderBytes);
        }
    }

    private void Notify(IUsbHost host)
    {
        if (_notifications.Count == 0)
        {
            return;
        }

        bool isOpen = Port.IsHostOpen;
        Span<byte> notification = stackalloc byte[_device.NotificationBytes];
        _device.PutState(notification, isOpen);
        if (host.TryNotify(_notifications[0], notification))
        {
            _notifications.RemoveAt(0);
            _toldOpen = isOpen;
        }
    }

    private void PutHeader(Span<byte> destination)
    {
        if (_device.HeaderBytes > 0)
        {
            _toldOpen = Port.IsHostOpen;
            _device.PutState(destination, Port.IsHostOpen);
        }
    }
}
