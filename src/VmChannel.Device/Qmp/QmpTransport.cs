using Microsoft.Extensions.Logging;
using VmChannel.Device.Events;
using VmChannel.Device.Loop;
using VmChannel.Device.Ports;
using VmChannel.Device.VirtioSerial;
using VmChannel.Native;

namespace VmChannel.Device.Qmp;

/// <summary>Ports of the virtio-serial that a stock QEMU has itself, plugged in and out through its monitor. Loop thread only, but for what is published.</summary>
/// <remarks>
/// What the ports are to be is decided here; <see cref="QmpKeeper"/> lets QEMU have it, on the thread pool, and again after
/// either side was restarted. Bytes go through pipes that QEMU holds open (<see cref="PipeFolder"/>).
/// </remarks>
public sealed class QmpTransport : IPortTransport
{
    private readonly DeviceLoop _loop;
    private readonly VirtioSerialSettings _settings;
    private readonly QmpEndpoint _endpoint;
    private readonly PipeFolder _folder;
    private readonly QmpKeeper _keeper;
    private readonly DeviceRecord _record;
    private readonly Dictionary<int, LinkedPort> _links = [];
    private readonly Dictionary<int, string> _obstacles = [];
    private bool _isRunning;

    /// <param name="loop">Serves the ports.</param>
    /// <param name="settings">The device's: numbers of ports are below its room.</param>
    /// <param name="endpoint">QEMU.</param>
    /// <param name="events">Gets what happens to the device.</param>
    /// <param name="log">One line per change.</param>
    public QmpTransport(DeviceLoop loop, VirtioSerialSettings settings, QmpEndpoint endpoint, VmJournal events, ILogger<QmpTransport> log)
    {
        _loop = loop;
        _settings = settings;
        _endpoint = endpoint;
        _folder = new PipeFolder(endpoint.Monitor);
        _record = new DeviceRecord(loop, events, settings, Fill);
        _record.Changed();
        _keeper = new QmpKeeper(this, loop, endpoint, _folder, settings.MaxPorts, log);
    }

    public DeviceState State => _record.State;

    public bool IsConnected { get; private set; }

    /// <summary>A QEMU can always come back.</summary>
    public Action? Finished { get; set; }

    public void Reserve() => _folder.Open();

    public void Start() => _keeper.Start();

    public Task Plug(Port port)
    {
        int number = port.Spec.Number;
        string? obstacle = port.Spec.IsConsole ? "QEMU's own virtconsole has no place for it here: give QEMU a -serial or -device virtconsole of its own, or use --vhost-user"
            : number >= _settings.MaxPorts ? $"the device was made for ports 0 to {_settings.MaxPorts - 1}; restart it with --max-ports {number + 1}"
            : _links.TryGetValue(number, out LinkedPort? other) ? $"the number is taken by {other.Port.Spec}"
            : null;
        if (obstacle is not null)
        {
            throw new PlugException($"{port.Spec} cannot be plugged in: {obstacle}");
        }

        LinkedPort link = new(port, _loop, _settings.StallAfter, _ => _keeper.Look());
        try
        {
            link.HasOldPipes = _folder.Connect(link);
        }
        catch
        {
            link.Dispose();
            throw;
        }

        _links.Add(number, link);
        _keeper.Look();
        return IsConnected ? link.Carried.Task : Task.CompletedTask;
    }

    public Port? Unplug(int number)
    {
        if (!_links.Remove(number, out LinkedPort? link))
        {
            return null;
        }

        link.Port.SetGuestOpen(false, "it was unplugged");
        link.Port.OnDrained();
        link.Dispose();
        _folder.Remove(link.Port.Spec);
        _ = _obstacles.Remove(number);
        _record.Changed();
        _keeper.Look();
        return link.Port;
    }

    public bool IsFinished(int number) => _links.GetValueOrDefault(number) is { Port.IsGuestOpen: false, IsDelivered: true };

    public bool IsDelivered(int number) => _links.GetValueOrDefault(number)?.IsDelivered ?? true;

    public void Resize(TerminalSize size)
    {
        // Only a console has a size, and there is none here.
    }

    public Task StopAsync() => _keeper.StopAsync();

    public void Close()
    {
        foreach (LinkedPort link in _links.Values)
        {
            link.Disconnect();
        }
    }

    public void Dispose()
    {
        foreach (LinkedPort link in _links.Values)
        {
            if (_endpoint.LeavesPorts)
            {
                _folder.Store(link);
            }
            else
            {
                _folder.Remove(link.Port.Spec);
            }

            link.Dispose();
        }

        _links.Clear();
        _keeper.Dispose();
        _folder.Dispose();
    }

    /// <summary>What QEMU is to have now.</summary>
    internal IReadOnlyList<WantedPort> Wanted() => [.. _links.Values.Select(link => new WantedPort(link, link.IsHostOpenWanted, link.IsGuestUncertain))];

    /// <summary>QEMU is to be looked at.</summary>
    internal void Look() => _keeper.Look();

    /// <summary>QEMU is there.</summary>
    internal void OnConnected(PeerProcess process, bool isRunning)
    {
        IsConnected = true;
        _isRunning = isRunning;
        _record.Counters.FrontEnds++;
        _record.SetFrontEnd(new FrontEndState { Pid = process.Pid, Name = process.Name, Kind = FrontEndKind.Qemu, ConnectedSince = DateTimeOffset.UtcNow });
        _record.Tell(DeviceEventKind.FrontEndConnected, process.ToString());
    }

    /// <summary>QEMU's monitor is gone, and most likely QEMU.</summary>
    internal void OnDisconnected(string reason)
    {
        IsConnected = false;
        _isRunning = false;
        _obstacles.Clear();
        _record.SetFrontEnd(null);
        _record.Tell(DeviceEventKind.FrontEndDisconnected, reason);
        foreach (LinkedPort link in _links.Values)
        {
            link.ForgetGuest("QEMU has left");
            _ = link.Carried.TrySetException(new PlugException($"{link.Port.Spec} cannot be plugged in: {reason}"));
        }
    }

    /// <summary>The guest was paused, or goes on.</summary>
    internal void OnRunning(bool isRunning)
    {
        _isRunning = isRunning;
        foreach (LinkedPort link in _links.Values)
        {
            link.Port.Record.SetSuspended(!isRunning);
        }

        _record.Changed();
    }

    /// <summary>The machine was reset: its guest starts over.</summary>
    internal void OnReset()
    {
        _record.Reset("QEMU reset the machine");
        foreach (LinkedPort link in _links.Values)
        {
            link.ForgetGuest("the guest's machine was reset");
        }
    }

    /// <summary>QEMU says whether a program in the guest has a port open.</summary>
    internal void OnGuestOpen(int number, bool isOpen)
    {
        if (_links.TryGetValue(number, out LinkedPort? link))
        {
            if (isOpen)
            {
                _record.NoteDriver();
            }

            link.SetGuestOpen(isOpen);
        }
    }

    /// <summary>QEMU has a port now, or refuses it.</summary>
    internal void OnCarried(LinkedPort link, string? obstacle)
    {
        if (obstacle is null)
        {
            _ = _obstacles.Remove(link.Port.Spec.Number);
            _ = link.Carried.TrySetResult();
        }
        else if (_links.GetValueOrDefault(link.Port.Spec.Number) == link)
        {
            _obstacles[link.Port.Spec.Number] = obstacle;
            link.Port.Record.Tell(DeviceEventKind.NotCarried, obstacle);
            _ = link.Carried.TrySetException(new PlugException($"{link.Port.Spec} cannot be plugged in: {obstacle}"));
            _ = link.Carried.Task.Exception;
        }

        _record.Changed();
    }

    private DeviceState Fill(DeviceState state) => state with
    {
        Transport = TransportKind.Qmp,
        IsSuspended = !_isRunning,
        Obstacles = new Dictionary<int, string>(_obstacles),
    };
}
