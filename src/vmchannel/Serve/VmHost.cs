using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Microsoft.Extensions.Logging;
using VmChannel.Device.Channels;
using VmChannel.Device.Chardevs;
using VmChannel.Device.Events;
using VmChannel.Device.Loop;
using VmChannel.Device.Options;
using VmChannel.Device.Ports;
using VmChannel.Device.Services;
using VmChannel.Device.VirtioSerial;
using VmChannel.Native;

namespace VmChannel.Cli.Serve;

/// <summary>One VM that is served: ports come, go and change while it runs. Disposing undoes all of it.</summary>
/// <remarks>Any thread but the loop's may call; changes happen one at a time. What is published is read without asking the loop.</remarks>
[SuppressMessage("Reliability", "CA2213", Justification = "The device is disposed on its loop, where the analyzer does not follow.")]
internal sealed class VmHost : IAsyncDisposable
{
    private static readonly TimeSpan StopTime = TimeSpan.FromSeconds(3);

    private readonly DeviceLoop _loop;
    private readonly PortTable _table;
    private readonly VmDevice _device;
    private readonly LogFileClaims _logFiles;
    private readonly ChangeQueue _changes = new();
    private readonly TaskCompletionSource _finished = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _isDisposed;

    private VmHost(VmPlan plan, DeviceLoop loop, EventJournal events, LogFileClaims logFiles, ILoggerFactory log)
    {
        _logFiles = logFiles;
        Plan = plan;
        _loop = loop;
        _table = new PortTable(plan.Device.Settings.MaxPorts, ServiceCatalog.All, plan.Device.Ports);
        _device = new VmDevice(plan, loop, new VmJournal(events, plan.Name), log, () => _finished.TrySetResult());
    }

    public string Name => Plan.Name;

    /// <summary>As the VM was asked for at its start.</summary>
    public VmPlan Plan { get; }

    /// <summary>What is plugged in now, by number.</summary>
    public ServedPorts Ports => _device.Ports;

    /// <summary>The device at this moment, without its ports.</summary>
    public DeviceState State => _device.State;

    /// <summary>Completes when the front-end has gone and cannot come back, as with an inherited connection, or after the end.</summary>
    public Task Finished => _finished.Task;

    /// <summary>Starts everything, in the order in which others may rely on it: host ends, then the socket the VMM connects to.</summary>
    /// <exception cref="IOException">Something cannot start: the message says what, and all that had started is undone.</exception>
    public static async Task<VmHost> StartAsync(
        VmPlan plan, DeviceLoop loop, EventJournal events, LogFileClaims logFiles, ILoggerFactory log, bool waitsForClients, CancellationToken cancellationToken)
    {
        VmHost host = await loop.InvokeAsync(() => new VmHost(plan, loop, events, logFiles, log));
        try
        {
            _ = await host.InvokeAsync(host._device.Reserve);
            List<Task> ready = [];
            foreach (PortPlan port in plan.Device.Ports)
            {
                logFiles.Claim(plan.Name, port);
                (Task there, _) = await loop.InvokeAsync(() => host._device.Plug(port));
                if (waitsForClients || !IsServer(port))
                {
                    ready.Add(there);
                }
            }

            await WaitAsync(ready, cancellationToken);
            _ = await host.InvokeAsync(host._device.Start);
            return host;
        }
        catch
        {
            await host.DisposeAsync();
            throw;
        }
    }

    /// <summary>Plugs a port in while the VM runs; its guest sees it at once.</summary>
    /// <returns>The port with the number it got.</returns>
    /// <exception cref="PortConflictException">There is no place for it.</exception>
    /// <exception cref="IOException">Its host end cannot start; nothing is left of it.</exception>
    public Task<ServedPort> PlugAsync(PortRequest request, CancellationToken cancellationToken)
        => _changes.RunAsync(() => PlugNextAsync(request, cancellationToken), cancellationToken);

    /// <summary>Takes a port out, also while it is open; what its host end has not taken yet goes with it.</summary>
    /// <returns>False when there is no such port.</returns>
    public Task<bool> UnplugAsync(int number, CancellationToken cancellationToken)
        => _changes.RunAsync(() => RemoveAsync(number), cancellationToken);

    /// <summary>Makes a port what a plan says; the plan has the number and name of a port that is plugged in.</summary>
    /// <returns>The port as it is now.</returns>
    /// <exception cref="PortConflictException">Another port has what this one would need.</exception>
    /// <exception cref="IOException">
    /// There is no such port, or its new host end cannot start, or connects to nobody: the port is as it was, or gone when the message says so.
    /// </exception>
    public Task<ServedPort> ChangeAsync(PortPlan changed, CancellationToken cancellationToken)
        => _changes.RunAsync(() => ChangeNextAsync(changed, cancellationToken), cancellationToken);

    /// <summary>Changes what options name of a port; the rest stays as it is.</summary>
    /// <param name="number">The port.</param>
    /// <param name="options">As for <c>-virtioserial</c>, without number and name.</param>
    /// <param name="cancellationToken">A change that has not begun yet is left out.</param>
    /// <returns>The port as it is now.</returns>
    /// <exception cref="OptionException">The options make no sense.</exception>
    /// <inheritdoc cref="ChangeAsync(PortPlan, CancellationToken)"/>
    public Task<ServedPort> ChangeAsync(int number, string options, CancellationToken cancellationToken)
        => _changes.RunAsync(
            () => PortOptions.TryParseChange(options, Served(number).Plan, ServiceCatalog.All, out PortPlan? changed, out string? error)
                ? ChangeNextAsync(changed, cancellationToken)
                : throw new OptionException(error),
            cancellationToken);

    /// <summary>Does something with a port on its loop.</summary>
    /// <returns>False when the port is not plugged in any more: nothing was done.</returns>
    public Task<bool> UseAsync(ServedPort port, Action<VmDevice, Port> action)
        => _loop.InvokeAsync(() =>
        {
            bool isThere = _device.Ports[port.Plan.Spec.Number]?.Port == port.Port;
            if (isThere)
            {
                action(_device, port.Port);
            }

            return isThere;
        });

    /// <summary>A VMM is there.</summary>
    public Task<bool> IsConnectedAsync() => _loop.InvokeAsync(() => _device.IsConnected);

    /// <summary>The port is closed in the guest, and what was written to it has been delivered.</summary>
    public Task<bool> IsFinishedAsync(Port port) => _loop.InvokeAsync(() => _device.IsFinished(port.Spec.Number));

    /// <summary>What the console wrote has been delivered.</summary>
    public Task<bool> IsConsoleDeliveredAsync() => _loop.InvokeAsync(() => _device.IsDelivered(0));

    /// <summary>The host's terminal has this size now.</summary>
    public void Resize(TerminalSize size) => _loop.Post(() => _device.Resize(size));

    public async ValueTask DisposeAsync()
    {
        if (!await _changes.RunAsync(BeginStopAsync, CancellationToken.None))
        {
            return;
        }

        await _device.StopAsync();
        _ = await InvokeAsync(() => _device.Dispose());
        _logFiles.Release(Name);

        // Services still store what they had taken from the guest.
        _ = await Task.WhenAny(Task.WhenAll(Ports.Select(served => served.Port.Completion)), Task.Delay(StopTime));
        _ = _finished.TrySetResult();
    }

    /// <summary>Everybody who has to be there first; the first who cannot come ends the waiting for the others.</summary>
    private static async Task WaitAsync(List<Task> ready, CancellationToken cancellationToken)
    {
        while (ready.Count > 0)
        {
            Task first = await Task.WhenAny(ready).WaitAsync(cancellationToken);
            await first;
            _ = ready.Remove(first);
        }
    }

    /// <summary>A VM that runs does not wait for a server's first client, whatever <c>wait</c> says: it has its other ports.</summary>
    private static bool IsServer(PortPlan plan)
        => plan.Chardev is ChardevSpec.Unix { IsServer: true } or ChardevSpec.Tcp { IsServer: true };

    private async Task<ServedPort> PlugNextAsync(PortRequest request, CancellationToken cancellationToken)
    {
        ThrowIfStopped();
        if (!_table.TryAdd(request, out PortPlan? plan, out string? error))
        {
            throw new PortConflictException(error);
        }

        try
        {
            _logFiles.Claim(Name, plan);
            (Task ready, Task carried) = await _loop.InvokeAsync(() => _device.Plug(plan));
            if (!IsServer(plan))
            {
                await ready.WaitAsync(cancellationToken);
            }

            await carried.WaitAsync(cancellationToken);

            return Ports[plan.Spec.Number]!;
        }
        catch (Exception e)
        {
            _ = await RemoveAsync(plan.Spec.Number);
            if (e is PlugException)
            {
                throw new PortConflictException(e.Message);
            }

            throw;
        }
    }

    private async Task<ServedPort> ChangeNextAsync(PortPlan changed, CancellationToken cancellationToken)
    {
        ThrowIfStopped();
        int number = changed.Spec.Number;
        PortPlan before = Served(number).Plan;
        bool isSameEnd = (before.DifferenceTo(changed) & PortDifference.HostEnd) == 0;
        if (!_table.TryReplace(changed, out string? error))
        {
            throw new PortConflictException(error);
        }

        try
        {
            _logFiles.Claim(Name, changed);
            if (isSameEnd || before.Chardev?.DiffersInClientsOnly(changed.Chardev) == true)
            {
                _ = await InvokeAsync(() => _device.Change(changed, next: null));
            }
            else if (before.Chardev?.SharesListenerWith(changed.Chardev) == true)
            {
                _ = await InvokeAsync(() => Replug(before, changed));
            }
            else
            {
                await ReplaceAsync(changed, cancellationToken);
            }

            return Served(number);
        }
        catch
        {
            // Neither the one nor the other may be there.
            _ = Ports[number] is null ? _table.Remove(number) : _table.TryReplace(before, out _);
            throw;
        }
        finally
        {
            _logFiles.Settle(Name, number, Ports[number]?.Plan);
        }
    }

    /// <summary>The old host end serves until somebody is at the other side of the new one.</summary>
    private async Task ReplaceAsync(PortPlan changed, CancellationToken cancellationToken)
    {
        HostEnd next = await _loop.InvokeAsync(() => _device.Prepare(changed));
        try
        {
            if (!IsServer(changed))
            {
                await next.Ready.WaitAsync(cancellationToken);
            }
        }
        catch (HostEndException e)
        {
            _ = await InvokeAsync(next.Dispose);
            throw new HostEndException($"{changed.Spec}: {e.Message}", e);
        }
        catch
        {
            _ = await InvokeAsync(next.Dispose);
            throw;
        }

        _ = await InvokeAsync(() => _device.Change(changed, next));
    }

    /// <summary>The old host end has the place that the new one needs: the guest sees the port go and come. Loop thread.</summary>
    private void Replug(PortPlan before, PortPlan changed)
    {
        _ = _device.Unplug(before.Spec.Number);
        try
        {
            _ = _device.Plug(changed, keepsLog: before.Spec.LogFile?.Path == changed.Spec.LogFile?.Path);
        }
        catch (IOException e)
        {
            try
            {
                _ = _device.Plug(before, keepsLog: true);
            }
            catch (IOException again)
            {
                throw new HostEndException(
                    $"{e.Message}; what it was before cannot be had back either ({again.Message}): {before.Spec} is gone, plug it in again", e);
            }

            throw;
        }
    }

    /// <exception cref="IOException">There is none.</exception>
    private ServedPort Served(int number)
        => Ports[number] ?? throw new IOException(string.Create(CultureInfo.InvariantCulture, $"{Name} has no port {number} any more"));

    private async Task<bool> RemoveAsync(int number)
    {
        ThrowIfStopped();
        _ = _table.Remove(number);
        bool wasThere = await _loop.InvokeAsync(() => _device.Unplug(number));
        _logFiles.Settle(Name, number, now: null);
        return wasThere;
    }

    /// <summary>The last change. False when somebody else was first.</summary>
    private Task<bool> BeginStopAsync()
    {
        bool isFirst = !_isDisposed;
        _isDisposed = true;
        return Task.FromResult(isFirst);
    }

    private void ThrowIfStopped()
    {
        if (_isDisposed)
        {
            throw new IOException($"{Name} is not served any more");
        }
    }

    private Task<bool> InvokeAsync(Action action)
        => _loop.InvokeAsync(() =>
        {
            action();
            return true;
        });
}
