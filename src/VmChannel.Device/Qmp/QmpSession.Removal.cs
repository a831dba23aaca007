using Microsoft.Extensions.Logging;
using VmChannel.Device.Ports;

namespace VmChannel.Device.Qmp;

/// <content>How ports leave QEMU: taken out from here, or by somebody else.</content>
internal sealed partial class QmpSession
{
    /// <summary>Takes out everything that was put into QEMU, as far as it lets that happen.</summary>
    public async Task RemoveAllAsync(CancellationToken cancellationToken)
    {
        try
        {
            foreach (string id in _held.Keys.Select(IdOf).Union(_stays).ToArray())
            {
                await RemoveAsync(id, cancellationToken);
            }

            (IReadOnlyList<SerialController> controllers, _) = await _machine.LookAsync(cancellationToken);
            if (controllers.Any(controller => controller is { IsOwn: true, Taken.Count: 0 })
                && !await DeleteAsync(SerialController.OwnId, cancellationToken))
            {
                LogStays(SerialController.OwnId);
            }
        }
        catch (Exception e) when (e is QmpException or OperationCanceledException)
        {
            LogNotRemoved(e.Message);
        }
    }

    private async Task NoteLossAsync(string id, CancellationToken cancellationToken)
    {
        if (_stays.Remove(id))
        {
            await TryRemoveChardevAsync(id, cancellationToken);
            LogRemoved(id);
        }
        else if (NumberOf(id) is not int number)
        {
            // The controller: QEMU has taken its ports out before it.
            _controller = null;
            _held.Clear();
        }
        else if (_held.Remove(number, out Held? held))
        {
            // Whoever did that meant it.
            _ = _lostLinks.Add(held.Link);
            _ = _refused.Remove(held.Link);
            LogLost(held.Link.Port.Spec, id);
            await TryRemoveChardevAsync(id, cancellationToken);
            _ = await InvokeAsync(() =>
            {
                held.Link.ForgetGuest("somebody unplugged it in QEMU");
                transport.OnCarried(held.Link, "somebody unplugged it in QEMU: unplug it here as well, or plug it in again");
            });
        }
    }

    private async Task RemoveAsync(string id, CancellationToken cancellationToken)
    {
        if (await DeleteAsync(id, cancellationToken))
        {
            await TryRemoveChardevAsync(id, cancellationToken);
            _ = _stays.Remove(id);
            LogRemoved(id);
        }
        else if (_stays.Add(id))
        {
            LogStays(id);
        }
    }

    /// <summary>device_del, and waits until it is gone. False when the guest keeps it, or QEMU refuses, as it does while it migrates.</summary>
    private async Task<bool> DeleteAsync(string id, CancellationToken cancellationToken)
    {
        TaskCompletionSource deleted = _deletions.GetOrAdd(id, _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        try
        {
            await _machine.RemoveAsync("device_del", id, cancellationToken);
            await deleted.Task.WaitAsync(DeletionTime, cancellationToken);
            return true;
        }
        catch (QmpException e) when (e.Class == "DeviceNotFound")
        {
            return true;
        }
        catch (QmpException e) when (e.Class is not null)
        {
            if (!_stays.Contains(id))
            {
                LogNotRemoved(e.Message);
            }

            return false;
        }
        catch (TimeoutException)
        {
            return false;
        }
        finally
        {
            _ = _deletions.TryRemove(id, out _);
        }
    }

    private async Task TryRemoveChardevAsync(string id, CancellationToken cancellationToken)
    {
        try
        {
            await _machine.RemoveAsync("chardev-remove", id, cancellationToken);
        }
        catch (QmpException e) when (e.Class is not null)
        {
            // There is none, or a device that the guest has not let go has it.
        }
    }

    [LoggerMessage(146, LogLevel.Information, "{Id}: taken out of QEMU")]
    private partial void LogRemoved(string id);

    [LoggerMessage(148, LogLevel.Warning, "{Port}: somebody unplugged {Id} in QEMU")]
    private partial void LogLost(PortSpec port, string id);

    [LoggerMessage(149, LogLevel.Warning, "{Id} stays in QEMU for now: it is not let go of")]
    private partial void LogStays(string id);

    [LoggerMessage(154, LogLevel.Warning, "not everything could be taken out of QEMU: {Reason}")]
    private partial void LogNotRemoved(string reason);
}
