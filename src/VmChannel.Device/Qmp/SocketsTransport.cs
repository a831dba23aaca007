using Microsoft.Extensions.Logging;
using VmChannel.Device.Events;
using VmChannel.Device.Loop;
using VmChannel.Device.Ports;
using VmChannel.Device.VirtioSerial;
using VmChannel.Native;

namespace VmChannel.Device.Qmp;

/// <summary>Ports that somebody else gave a VMM, each with a socket at its host's side. Loop thread only, but for what is published.</summary>
/// <remarks>
/// The socket is connected while the host end is there: that is what the VMM tells its guest. Nothing tells whether the guest
/// has a port open, so one that is connected counts as open.
/// </remarks>
public sealed class SocketsTransport : IPortTransport
{
    private readonly DeviceLoop _loop;
    private readonly VirtioSerialSettings _settings;
    private readonly SocketsEndpoint _endpoint;
    private readonly DeviceRecord _record;
    private readonly ILogger _log;
    private readonly Dictionary<int, SocketLink> _links = [];
    private bool _isStarted;

    /// <param name="loop">Serves the ports.</param>
    /// <param name="settings">The device's: numbers of ports are below its room.</param>
    /// <param name="endpoint">The sockets.</param>
    /// <param name="events">Gets what happens to the device.</param>
    /// <param name="log">One line per change.</param>
    public SocketsTransport(DeviceLoop loop, VirtioSerialSettings settings, SocketsEndpoint endpoint, VmJournal events, ILogger<SocketsTransport> log)
    {
        _loop = loop;
        _settings = settings;
        _endpoint = endpoint;
        _log = log;
        _record = new DeviceRecord(loop, events, settings, state => state with { Transport = TransportKind.Sockets, IsSuspended = false });
        _record.Changed();
    }

    public DeviceState State => _record.State;

    public bool IsConnected => _links.Values.Any(link => link.Process is not null);

    public Action? Finished { get; set; }

    public void Reserve()
    {
        // Each socket is taken while its port's host end is there.
    }

    public void Start()
    {
        _isStarted = true;
        foreach (SocketLink link in _links.Values)
        {
            link.Look();
        }
    }

    public Task Plug(Port port)
    {
        PortSpec spec = port.Spec;
        PortSocket? socket = _endpoint.Sockets.FirstOrDefault(one => one.Protocol == spec.Protocol);
        string? obstacle = socket is null ? $"no socket is named for it: restart with --attach {spec.Protocol ?? "NAME"}=unix:PATH"
            : _links.TryGetValue(spec.Number, out SocketLink? other) ? $"the number is taken by {other.Port.Spec}"
            : null;
        if (obstacle is not null)
        {
            throw new PlugException($"{spec} cannot be plugged in: {obstacle}");
        }

        SocketLink link = new(port, socket!, _loop, _settings.StallAfter, OnProcess, _log);
        _links.Add(spec.Number, link);
        if (_isStarted)
        {
            link.Look();
        }

        return Task.CompletedTask;
    }

    public Port? Unplug(int number)
    {
        if (!_links.Remove(number, out SocketLink? link))
        {
            return null;
        }

        link.Dispose();
        OnProcess();
        return link.Port;
    }

    public bool IsFinished(int number) => IsDelivered(number);

    public bool IsDelivered(int number) => _links.GetValueOrDefault(number)?.IsDelivered ?? true;

    public void Resize(TerminalSize size)
    {
        // Nobody to tell.
    }

    public Task StopAsync() => Task.CompletedTask;

    public void Close()
    {
        foreach (SocketLink link in _links.Values)
        {
            link.Dispose();
        }
    }

    public void Dispose()
    {
        Close();
        _links.Clear();
    }

    /// <summary>A VMM came or went.</summary>
    private void OnProcess()
    {
        PeerProcess? process = _links.Values.Select(link => link.Process).FirstOrDefault(one => one is not null);
        FrontEndState? known = _record.State.FrontEnd;
        if (process is { } there && known?.Pid != there.Pid)
        {
            _record.Counters.FrontEnds++;
            _record.SetFrontEnd(new FrontEndState { Pid = there.Pid, Name = there.Name, ConnectedSince = DateTimeOffset.UtcNow });
            _record.Tell(DeviceEventKind.FrontEndConnected, there.ToString());
        }
        else if (process is null && known is not null)
        {
            _record.SetFrontEnd(null);
            _record.Tell(DeviceEventKind.FrontEndDisconnected, "no socket is connected");
        }
    }
}
