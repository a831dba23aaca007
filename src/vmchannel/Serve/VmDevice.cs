using Microsoft.Extensions.Logging;
using VmChannel.Cli.WebSockets;
using VmChannel.Device;
using VmChannel.Device.Channels;
using VmChannel.Device.Chardevs;
using VmChannel.Device.Events;
using VmChannel.Device.Loop;
using VmChannel.Device.Options;
using VmChannel.Device.Ports;
using VmChannel.Device.Qmp;
using VmChannel.Device.Services;
using VmChannel.Device.VhostUser;
using VmChannel.Device.VirtioSerial;
using VmChannel.Native;

namespace VmChannel.Cli.Serve;

/// <summary>A VM's device and USB adapters with their ports, and the sockets on which they are met. Loop thread only, but for what is published.</summary>
internal sealed class VmDevice : IDisposable
{
    private readonly DeviceLoop _loop;
    private readonly ILoggerFactory _log;
    private readonly VmJournal _events;
    private readonly IPortTransport _serial;
    private readonly UsbAdapters _adapters;
    private volatile ServedPorts _ports = ServedPorts.None;

    /// <param name="plan">The device; its ports are plugged in by the caller.</param>
    /// <param name="loop">Serves it.</param>
    /// <param name="events">Gets what happens to the device and its ports.</param>
    /// <param name="log">For all parts.</param>
    /// <param name="finished">Called when the front-end has gone and cannot come back.</param>
    public VmDevice(VmPlan plan, DeviceLoop loop, VmJournal events, ILoggerFactory log, Action finished)
    {
        _loop = loop;
        _events = events;
        _log = log;
        _serial = CreateSerial(plan, loop, events, log);
        _serial.Finished = finished;
        _adapters = new UsbAdapters(plan.Name, plan.Usb, loop, plan.Device.Settings.StallAfter, log);
    }

    /// <summary>What is plugged in now. Any thread.</summary>
    public ServedPorts Ports => _ports;

    /// <summary>The device now, without its ports. Any thread.</summary>
    public DeviceState State => _serial.State;

    /// <summary>Takes the front-end socket's place; nobody is served yet.</summary>
    /// <exception cref="IOException">It is taken; the message says what to do.</exception>
    public void Reserve()
    {
        _serial.Reserve();
        _adapters.Reserve();
    }

    /// <summary>Begins to serve front-ends.</summary>
    /// <exception cref="IOException">It cannot; the message says what to do.</exception>
    public void Start()
    {
        _serial.Start();
        _adapters.Start();
    }

    /// <summary>Starts a port's host end and plugs the port in.</summary>
    /// <param name="plan">The port.</param>
    /// <param name="keepsLog">What is in its log file is an earlier part of the same log.</param>
    /// <returns>Done when who has to be there first is there, and when the VMM has the port; the latter may fail with a <see cref="PlugException"/>.</returns>
    /// <exception cref="PortConflictException">The front-end that is connected cannot carry it.</exception>
    /// <exception cref="HostEndException">The host end cannot start; nothing is left of it.</exception>
    public (Task Ready, Task Carried) Plug(PortPlan plan, bool keepsLog = false)
    {
        Port? port = null;
        Task carried = Task.CompletedTask;
        try
        {
            HostEnd end = CreateEnd(plan);
            PortSpec spec = keepsLog && plan.Spec.LogFile is LogFileSpec file ? plan.Spec with { LogFile = file with { Append = true } } : plan.Spec;
            port = new(spec, end, _loop, _log.CreateLogger<Port>(), _events);
            port.Start();
            if (spec.Transport == PortTransport.UsbSerial)
            {
                _adapters.Plug(port);
            }
            else
            {
                carried = _serial.Plug(port);
            }

            _ports = _ports.With(new ServedPort(plan, port));
            return (end.Ready, carried);
        }
        catch (PlugException e)
        {
            port?.Dispose();
            throw new PortConflictException(e.Message);
        }
        catch (IOException e)
        {
            port?.Dispose();
            throw new HostEndException($"{plan.Origin}: {e.Message}", e);
        }
    }

    /// <summary>Takes a port out and ends its host end. False when there is none.</summary>
    public bool Unplug(int number)
    {
        if (_ports[number] is not ServedPort served)
        {
            return false;
        }

        _ports = _ports.Without(number);
        if (served.Plan.Spec.Transport == PortTransport.UsbSerial)
        {
            _adapters.Unplug(number);
        }
        else
        {
            _ = _serial.Unplug(number);
        }

        served.Port.Dispose();
        return true;
    }

    /// <summary>Starts the host end that a changed plan asks for, beside the one that serves the port.</summary>
    /// <param name="changed">Of the same number and name.</param>
    /// <returns>For <see cref="Change"/>; the caller's until then.</returns>
    /// <exception cref="HostEndException">It cannot start; nothing has changed then.</exception>
    public HostEnd Prepare(PortPlan changed)
    {
        try
        {
            HostEnd next = CreateEnd(changed);
            _ports[changed.Spec.Number]!.Port.Prepare(next);
            return next;
        }
        catch (IOException e)
        {
            throw Failed(changed, e);
        }
    }

    /// <summary>Makes a port what a plan of the same number and name says; its guest keeps it open.</summary>
    /// <param name="changed">The port as it is to be.</param>
    /// <param name="next">The host end that serves it from now on; null = the one there is, with other clients perhaps.</param>
    /// <exception cref="HostEndException">The log file cannot be written, or the socket's mode not be changed; nothing has changed then.</exception>
    public void Change(PortPlan changed, HostEnd? next)
    {
        ServedPort served = _ports[changed.Spec.Number]!;
        PortDifference difference = served.Plan.DifferenceTo(changed);
        bool adapts = next is null && (difference & PortDifference.HostEnd) != 0;
        try
        {
            if (adapts)
            {
                ChardevFactory.Adapt(served.Port.HostEnd, changed.Chardev!);
            }

            // Last of what can fail: a log file that is opened anew may be emptied.
            if ((difference & ~PortDifference.HostEnd) != 0)
            {
                served.Port.Apply(changed.Spec);
            }
        }
        catch (IOException e)
        {
            if (adapts)
            {
                ChardevFactory.Adapt(served.Port.HostEnd, served.Plan.Chardev!);
            }

            next?.Dispose();
            throw Failed(changed, e);
        }

        if (next is not null)
        {
            served.Port.Adopt(next);
        }
        else if (adapts)
        {
            served.Port.TellHostChanged($"{served.Port.HostEnd.Description} takes other clients");
        }

        _ports = _ports.With(served with { Plan = changed });
    }

    /// <summary>Makes a connection a client of a port that is plugged in.</summary>
    /// <param name="port">The port.</param>
    /// <param name="connection">Owned from here on.</param>
    /// <param name="description">Who is at its other end, for people.</param>
    /// <param name="access">What it is given.</param>
    /// <param name="untilGuestCloses">It leaves when the guest closes the port.</param>
    /// <param name="client">The client itself.</param>
    /// <returns>The client's number.</returns>
    public int Attach(
        Port port, FileDescriptor connection, string description, ClientAccess access, bool untilGuestCloses, out ConnectedChardev client)
    {
        client = new ConnectedChardev(_loop, connection, description, _log.CreateLogger<Chardev>());
        return port.AddClient(client, access, untilGuestCloses);
    }

    /// <summary>A front-end is there.</summary>
    public bool IsConnected => _serial.IsConnected || _adapters.IsConnected;

    public bool IsFinished(int number) => IsUsb(number) ? IsDelivered(number) && _ports[number] is { Port.IsGuestOpen: false } : _serial.IsFinished(number);

    public bool IsDelivered(int number) => IsUsb(number) ? _adapters.IsDelivered(number) : _serial.IsDelivered(number);

    public void Resize(TerminalSize size) => _serial.Resize(size);

    public void Dispose()
    {
        _serial.Close();
        _adapters.Dispose();
        foreach (ServedPort served in _ports)
        {
            served.Port.Dispose();
        }

        _serial.Dispose();
    }

    /// <summary>Any thread but the loop's: takes leave of the VMM.</summary>
    public Task StopAsync() => _serial.StopAsync();

    private static IPortTransport CreateSerial(VmPlan plan, DeviceLoop loop, VmJournal events, ILoggerFactory log)
        => plan.Endpoint switch
        {
            QmpEndpoint qmp => new QmpTransport(loop, plan.Device.Settings, qmp, events, log.CreateLogger<QmpTransport>()),
            SocketsEndpoint sockets => new SocketsTransport(loop, plan.Device.Settings, sockets, events, log.CreateLogger<SocketsTransport>()),
            _ => new VhostUserTransport(loop, plan.Device.Settings, (VhostUserEndpoint?)plan.Endpoint, plan.OffersInBand, events, log),
        };

    private bool IsUsb(int number) => _ports[number]?.Plan.Spec.Transport == PortTransport.UsbSerial;

    private static HostEndException Failed(PortPlan changed, IOException e) => new($"{changed.Spec}: {e.Message}", e);

    private HostEnd CreateEnd(PortPlan plan)
        => plan.Chardev is ChardevSpec chardev
            ? ChardevFactory.Create(chardev, _loop, _log.CreateLogger<Chardev>(), KestrelWebSockets.Shared)
            : ServiceCatalog.Create(plan.Service!, plan.ServiceOptions, _loop, _log);
}
