using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Extensions.Logging;
using VmChannel.Device.Loop;
using VmChannel.Device.Ports;
using VmChannel.Native;
using VmChannel.Wire.Qmp;

namespace VmChannel.Device.Qmp;

/// <summary>What one QEMU has of the ports that are wanted, for as long as its monitor is connected. Thread pool, one call at a time.</summary>
/// <param name="transport">Says what is wanted; is called on its loop.</param>
/// <param name="loop">The transport's.</param>
/// <param name="folder">Where the pipes are.</param>
/// <param name="maxPorts">Room of a controller that has to be added.</param>
/// <param name="log">One line per change.</param>
internal sealed partial class QmpSession(QmpTransport transport, DeviceLoop loop, PipeFolder folder, int maxPorts, ILogger log)
{
    private static readonly TimeSpan DeletionTime = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(5);

    private readonly string _prefix = folder.IdPrefix;
    private readonly Dictionary<int, Held> _held = [];
    private readonly Dictionary<LinkedPort, string> _refused = [];
    private readonly HashSet<LinkedPort> _lostLinks = [];
    private readonly HashSet<string> _stays = [];
    private readonly ConcurrentDictionary<string, TaskCompletionSource> _deletions = new();
    private readonly ConcurrentQueue<string> _lost = new();
    private QemuMachine _machine = null!;
    private SerialController? _controller;
    private Task? _retry;
    private int _hasResumed;
    private bool? _isRunning;

    /// <summary>Done when what QEMU refused is to be tried again: the reason may have been a passing one. Null when it refused nothing.</summary>
    public Task? RetryTime => _refused.Count + _stays.Count == 0 ? null : _retry ??= Task.Delay(RetryAfter);

    /// <summary>Acts on what QEMU says by itself.</summary>
    public Task OnEventAsync(QmpMessage.Event happened)
    {
        switch (happened.Name)
        {
            case "VSERPORT_CHANGE" when NumberOf(happened.Data.Text("id")) is int number && happened.Data.Truth("open") is bool isOpen:
                return InvokeAsync(() => transport.OnGuestOpen(number, isOpen));
            case "DEVICE_DELETED" when happened.Data.Text("device") is string id:
                if (_deletions.TryRemove(id, out TaskCompletionSource? waiting))
                {
                    waiting.SetResult();
                }
                else if (id == SerialController.OwnId || NumberOf(id) is not null)
                {
                    _lost.Enqueue(id);
                    return InvokeAsync(transport.Look);
                }

                return Task.CompletedTask;
            case "STOP":
                return InvokeAsync(() => NoteRunning(false));
            case "RESUME":
                _ = Interlocked.Exchange(ref _hasResumed, 1);
                return InvokeAsync(() =>
                {
                    NoteRunning(true);
                    transport.Look();
                });
            case "RESET":
                return InvokeAsync(transport.OnReset);
            default:
                return Task.CompletedTask;
        }
    }

    /// <summary>Finds out what QEMU has, and takes over what is wanted of it.</summary>
    /// <exception cref="QmpException">QEMU does not say, or is gone.</exception>
    public async Task BeginAsync(QmpClient client, PeerProcess process, CancellationToken cancellationToken)
    {
        _machine = new QemuMachine(client);
        bool isRunning = await _machine.IsRunningAsync(cancellationToken);

        // What QEMU said by itself is newer than its answer, or says the same.
        _ = await InvokeAsync(() => transport.OnConnected(process, _isRunning ?? isRunning));
        IReadOnlyList<WantedPort> wanted = await loop.InvokeAsync(transport.Wanted);
        (IReadOnlyList<SerialController> controllers, IReadOnlyList<QemuPort> ports) = await _machine.LookAsync(cancellationToken);
        foreach (QemuPort port in ports)
        {
            if (NumberOf(port.Id) is int number)
            {
                WantedPort match = wanted.FirstOrDefault(one => one.Link.Port.Spec.Number == number && one.Link.Port.Spec.Protocol == port.Name);
                if (match.Link is not null && number == port.Number)
                {
                    await TakeOverAsync(match.Link, port.Id, cancellationToken);
                }
                else
                {
                    await RemoveAsync(port.Id, cancellationToken);
                }
            }
        }

        // A controller of our own, or the one that has ports of ours, or the first with room for all.
        int[] numbers = [.. wanted.Select(one => one.Link.Port.Spec.Number).Except(_held.Keys)];
        _controller = controllers.FirstOrDefault(controller => controller.Taken.Values.Any(id => NumberOf(id) is int number && _held.ContainsKey(number)))
            ?? controllers.FirstOrDefault(controller => controller.IsOwn)
            ?? controllers.FirstOrDefault(controller => controller.HasRoomFor(numbers));
    }

    /// <summary>Lets QEMU have what is wanted by now.</summary>
    /// <exception cref="QmpException">QEMU is gone.</exception>
    public async Task ReconcileAsync(CancellationToken cancellationToken)
    {
        while (_lost.TryDequeue(out string? id))
        {
            await NoteLossAsync(id, cancellationToken);
        }

        bool retries = Interlocked.Exchange(ref _hasResumed, 0) == 1 || _retry is { IsCompleted: true };
        if (retries)
        {
            _retry = null;
            foreach (string id in _stays.ToArray())
            {
                await RemoveAsync(id, cancellationToken);
            }
        }

        IReadOnlyList<WantedPort> wanted = await loop.InvokeAsync(transport.Wanted);
        foreach (LinkedPort gone in _refused.Keys.Concat(_lostLinks).Except(wanted.Select(one => one.Link)).ToArray())
        {
            _ = _refused.Remove(gone);
            _ = _lostLinks.Remove(gone);
        }

        foreach ((int number, Held held) in _held.ToArray())
        {
            if (!wanted.Any(one => one.Link == held.Link))
            {
                _ = _held.Remove(number);
                await RemoveAsync(IdOf(number), cancellationToken);
            }
        }

        int[] missing = [.. wanted.Select(one => one.Link.Port.Spec.Number).Except(_held.Keys)];
        foreach (WantedPort one in wanted)
        {
            int number = one.Link.Port.Spec.Number;
            bool mayTry = retries || !_refused.ContainsKey(one.Link);
            if (!_held.TryGetValue(number, out Held? held))
            {
                if (mayTry && !_lostLinks.Contains(one.Link))
                {
                    await PlugAsync(one, missing, cancellationToken);
                }
            }
            else if (held.IsHostOpen == one.IsHostOpen)
            {
                await AcceptAsync(one.Link);
            }
            else if (mayTry)
            {
                await TellHostOpenAsync(held, one.IsHostOpen, cancellationToken);
            }

            if (one.IsGuestUncertain && held is not null)
            {
                await AskGuestOpenAsync(one.Link, isKnownOpen: false, cancellationToken);
            }
        }
    }

    /// <summary>Loop thread.</summary>
    private void NoteRunning(bool isRunning)
    {
        _isRunning = isRunning;
        transport.OnRunning(isRunning);
    }

    private string IdOf(int number) => string.Create(CultureInfo.InvariantCulture, $"{_prefix}{number}");

    /// <summary>The number of a port that is ours; null when it is not.</summary>
    private int? NumberOf(string? id)
        => id is not null && id.StartsWith(_prefix, StringComparison.Ordinal)
            && int.TryParse(id.AsSpan(_prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : null;

    private async Task TakeOverAsync(LinkedPort link, string id, CancellationToken cancellationToken)
    {
        (string kind, bool isGuestOpen) = await _machine.FindChardevAsync(id, cancellationToken) ?? ("", false);
        bool isHostOpen = kind == "pipe";
        Held held = new(link, isHostOpen);
        _held[link.Port.Spec.Number] = held;
        LogTakenOver(link.Port.Spec);
        _ = await InvokeAsync(() => link.OnTakenOver(isHostOpen));
        if (isHostOpen && !link.HasOldPipes)
        {
            // Somebody removed the pipes that QEMU still has open. Until it has the new ones, nothing that the guest was told is true.
            held.IsHostOpen = null;
            await TellHostOpenAsync(held, isOpen: true, cancellationToken);
        }

        if (!_refused.ContainsKey(link))
        {
            _ = await InvokeAsync(() => transport.OnCarried(link, null));
        }

        await AskGuestOpenAsync(link, isGuestOpen, cancellationToken);
    }

    /// <summary>Finds out whether the guest has a port open, unless QEMU says so meanwhile.</summary>
    private async Task AskGuestOpenAsync(LinkedPort link, bool isKnownOpen, CancellationToken cancellationToken)
    {
        int number = link.Port.Spec.Number;
        long news = await loop.InvokeAsync(() => link.GuestNews);
        bool? isOpen = isKnownOpen ? true : await _machine.IsGuestOpenAsync(IdOf(number), cancellationToken);
        _ = await InvokeAsync(() =>
        {
            if (isOpen is bool known && link.GuestNews == news)
            {
                transport.OnGuestOpen(number, known);
            }
        });
    }

    private async Task PlugAsync(WantedPort wanted, int[] missing, CancellationToken cancellationToken)
    {
        LinkedPort link = wanted.Link;
        PortSpec spec = link.Port.Spec;
        string id = IdOf(spec.Number);
        if (_stays.Contains(id))
        {
            await RefuseAsync(link, $"QEMU has not let go of the earlier {id} yet");
            return;
        }

        try
        {
            if (_controller is null)
            {
                (IReadOnlyList<SerialController> controllers, _) = await _machine.LookAsync(cancellationToken);
                await AddControllerAsync(controllers, missing, cancellationToken);
            }

            await PrepareChardevAsync(id, wanted.IsHostOpen ? folder.PathOf(spec) : null, cancellationToken);
            await _machine.DeviceAddAsync(
                "virtserialport",
                id,
                writer =>
                {
                    writer.WriteString("bus", _controller!.Bus);
                    writer.WriteNumber("nr", spec.Number);
                    writer.WriteString("name", spec.Protocol);
                    writer.WriteString("chardev", id);
                },
                cancellationToken);
        }
        catch (QmpException e) when (e.Class is not null || e.InnerException is QmpException)
        {
            string reason = _controller?.Taken.GetValueOrDefault(spec.Number) is string owner
                ? $"QEMU has given its number to {owner} on {_controller.Bus}: take another with port=N"
                : e.Message;
            await TryRemoveChardevAsync(id, cancellationToken);
            await RefuseAsync(link, reason);
            return;
        }

        _held[spec.Number] = new Held(link, wanted.IsHostOpen);
        _ = _refused.Remove(link);
        LogPlugged(spec, _controller!.Bus, id);
        _ = await InvokeAsync(() => transport.OnCarried(link, null));
    }

    /// <summary>The chardev's state is what QEMU tells the guest of the host end.</summary>
    private async Task TellHostOpenAsync(Held held, bool isOpen, CancellationToken cancellationToken)
    {
        PortSpec spec = held.Link.Port.Spec;
        try
        {
            await _machine.SetChardevAsync("chardev-change", IdOf(spec.Number), isOpen ? folder.PathOf(spec) : null, cancellationToken);
            held.IsHostOpen = isOpen;
            await AcceptAsync(held.Link);
        }
        catch (QmpException e) when (e.Class is not null)
        {
            await RefuseAsync(held.Link, e.Message);
        }
    }

    /// <summary>QEMU does not do what is wanted of a port, for now. What it has said before is not said again.</summary>
    private async Task RefuseAsync(LinkedPort link, string reason)
    {
        if (_refused.GetValueOrDefault(link) != reason)
        {
            _refused[link] = reason;
            if (_held.ContainsKey(link.Port.Spec.Number))
            {
                LogNotTold(link.Port.Spec, reason);
            }
            else
            {
                LogRefused(link.Port.Spec, reason);
            }

            _ = await InvokeAsync(() => transport.OnCarried(link, reason));
        }
    }

    /// <summary>A port is as it is wanted.</summary>
    private async Task AcceptAsync(LinkedPort link)
    {
        if (_refused.Remove(link))
        {
            _ = await InvokeAsync(() => transport.OnCarried(link, null));
        }
    }

    /// <summary>A chardev may be left of a port that QEMU was slow to let go.</summary>
    private async Task PrepareChardevAsync(string id, string? pipe, CancellationToken cancellationToken)
    {
        bool isThere = await _machine.FindChardevAsync(id, cancellationToken) is not null;
        await _machine.SetChardevAsync(isThere ? "chardev-change" : "chardev-add", id, pipe, cancellationToken);
    }

    private async Task AddControllerAsync(IReadOnlyList<SerialController> controllers, int[] numbers, CancellationToken cancellationToken)
    {
        _controller = controllers.FirstOrDefault(controller => controller.IsOwn) ?? controllers.FirstOrDefault(controller => controller.HasRoomFor(numbers));
        if (_controller is not null)
        {
            return;
        }

        try
        {
            await _machine.AddControllerAsync(maxPorts, cancellationToken);
            (controllers, _) = await _machine.LookAsync(cancellationToken);
            _controller = controllers.FirstOrDefault(controller => controller.IsOwn)
                ?? throw new QmpException("virtio-serial controller cannot be added: QEMU took it and does not show it", new QmpException("qom-list"));
            LogControllerAdded(_controller.Bus);
        }
        catch (QmpException) when (controllers.Count > 0)
        {
            // Better the ports that fit than none.
            _controller = controllers[0];
        }
    }

    private Task<bool> InvokeAsync(Action action)
        => loop.InvokeAsync(() =>
        {
            action();
            return true;
        });

    [LoggerMessage(143, LogLevel.Information, "{Port}: plugged into QEMU's {Bus} as {Id}")]
    private partial void LogPlugged(PortSpec port, string bus, string id);

    [LoggerMessage(144, LogLevel.Information, "{Port}: taken over; QEMU has it from before")]
    private partial void LogTakenOver(PortSpec port);

    [LoggerMessage(145, LogLevel.Error, "{Port} cannot be plugged in: {Reason}")]
    private partial void LogRefused(PortSpec port, string reason);

    [LoggerMessage(158, LogLevel.Error, "{Port}: QEMU does not change what it is connected to: {Reason}; this is tried again every 5 s")]
    private partial void LogNotTold(PortSpec port, string reason);

    [LoggerMessage(147, LogLevel.Information, "virtio-serial controller added to QEMU: {Bus}")]
    private partial void LogControllerAdded(string bus);

    /// <summary>A port that QEMU has.</summary>
    private sealed class Held(LinkedPort link, bool isHostOpen)
    {
        public LinkedPort Link { get; } = link;

        /// <summary>What its guest was told of the host end; null = QEMU has pipes that are nobody's.</summary>
        public bool? IsHostOpen { get; set; } = isHostOpen;
    }
}
