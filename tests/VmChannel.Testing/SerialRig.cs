using System.Diagnostics.CodeAnalysis;
using VmChannel.Device.Channels;
using VmChannel.Device.Events;
using VmChannel.Device.Loop;
using VmChannel.Device.Ports;
using VmChannel.Device.VhostUser;
using VmChannel.Device.VirtioSerial;
using VmChannel.Native;
using VmChannel.Testing.FrontEnds;
using VmChannel.Wire.Virtio;
using VmChannel.Wire.VirtioConsole;

namespace VmChannel.Testing;

/// <summary>A whole device as it is served: loop, ports with scripted host ends, a listening vhost-user socket.</summary>
public sealed class SerialRig : IDisposable
{
    private readonly bool _ownsLoop;
    private readonly UnixAddress _address;
    [SuppressMessage("Usage", "CA2213", Justification = "disposed on the loop thread")]
    private readonly VhostUserServer _server;

    /// <param name="settings">The device's.</param>
    /// <param name="loop">A loop to share with another rig.</param>
    public SerialRig(VirtioSerialSettings? settings = null, LoopThread? loop = null)
    {
        _ownsLoop = loop is null;
        Events = new VmJournal(Journal, "vm");
        Log = new LogLines();
        Thread = loop ?? new LoopThread(Log);
        // Abstract and unguessable: no file is left, and tests may run side by side.
        _ = UnixAddress.TryCreate($"vmchannel-{Guid.NewGuid():N}", isAbstract: true, isTight: true, out UnixAddress? address, out _);
        _address = address!;
        Device = Thread.Invoke(() => new VirtioSerialDevice(Thread.Loop, settings ?? new(MaxPorts: 8), Log.For<VirtioSerialDevice>(), Events));
        _server = Thread.Invoke(() =>
        {
            VhostUserServer server = new(
                Thread.Loop, Device, new VhostUserEndpoint.Listen(_address), offersInBand: false, Log.For<VhostUserServer>());
            server.Start();
            return server;
        });
    }

    public LogLines Log { get; }

    /// <summary>Everything that happened.</summary>
    public EventJournal Journal { get; } = new(capacity: 1 << 17);

    public VmJournal Events { get; }

    public LoopThread Thread { get; }

    public DeviceLoop Loop => Thread.Loop;

    public VirtioSerialDevice Device { get; }

    public Dictionary<int, Port> Ports { get; } = [];

    public bool IsConnected => Thread.Invoke(() => _server.IsConnected);

    /// <summary>Plugs a port with a scripted host end.</summary>
    public ScriptedEnd Plug(PortSpec spec, bool isHostOpen = true)
    {
        ScriptedEnd end = new();
        Plug(spec, end);
        Thread.Invoke(() => end.Connect(isHostOpen));
        return end;
    }

    /// <summary>Plugs a port with any host end.</summary>
    public void Plug(PortSpec spec, HostEnd end) => Thread.Invoke(() =>
    {
        Port port = new(spec, end, Loop, Log, Events);
        port.Start();
        Device.Plug(port);
        Ports[spec.Number] = port;
    });

    /// <inheritdoc cref="Plug(PortSpec, bool)"/>
    public ScriptedEnd Plug(int number, bool isHostOpen = true) => Plug(new PortSpec(number, $"test.port{number}"), isHostOpen);

    /// <summary>The events since a position: <c>guest-opened</c> of the device, <c>1 guest-opened</c> of port 1.</summary>
    public List<string> EventsSince(long after = 0) => [.. Since(after).Select(each => each.Port is { } port ? $"{port} {EventNames.Of(each.Kind)}" : EventNames.Of(each.Kind))];

    /// <inheritdoc cref="EventsSince"/>
    public IEnumerable<DeviceEvent> Since(long after = 0)
    {
        while (Journal.TryRead(after, out JournalEntry entry))
        {
            after = entry.Event.Sequence;
            yield return entry.Event;
        }
    }

    /// <summary>Waits for an event of a kind.</summary>
    public DeviceEvent WaitFor(DeviceEventKind kind, long after = 0)
    {
        Wait.Until(() => Since(after).Any(each => each.Kind == kind), EventNames.Of(kind));
        return Since(after).First(each => each.Kind == kind);
    }

    public void Unplug(int number) => Thread.Invoke(() =>
    {
        Device.Unplug(number)?.Dispose();
        _ = Ports.Remove(number);
    });

    /// <summary>A connection of a front-end.</summary>
    public FileDescriptor Connect()
    {
        _ = StreamSocket.Connect(_address, out FileDescriptor? socket).OrThrow("connect to the device");
        return socket!;
    }

    /// <summary>A QEMU with a running guest whose driver has probed and, with MULTIPORT, knows all ports.</summary>
    public (FrontEnd FrontEnd, SerialDriver Driver) Boot(VirtioFeatures features = Defaults, int ringSize = 64, int bufferBytes = 4096)
    {
        GuestRam ram = new(32 << 20);
        QemuFrontEnd frontEnd = new(Connect(), ram, Device.QueueCount);
        return (frontEnd, Boot(frontEnd, features, ringSize, bufferBytes));
    }

    /// <summary>Boots a guest on any front-end.</summary>
    public SerialDriver Boot(FrontEnd frontEnd, VirtioFeatures features = Defaults, int ringSize = 64, int bufferBytes = 4096)
    {
        frontEnd.Realize();
        ulong taken = frontEnd.GuestFeatures & ((ulong)features | (ulong)(ConsoleFeatures.MultiPort | ConsoleFeatures.Size));
        bool isMultiPort = (taken & (ulong)ConsoleFeatures.MultiPort) != 0;
        int ports = isMultiPort ? frontEnd.ReadMaxPorts() : 0;
        SerialDriver driver = new(frontEnd.Ram, ports, ringSize, (VirtioFeatures)taken, bufferBytes);
        frontEnd.Activate(taken, driver.Queues);
        if (isMultiPort)
        {
            driver.Probe();
            for (int known = 0; known < Ports.Count; known++)
            {
                _ = driver.NextControl();
            }
        }
        else
        {
            _ = driver.Queues[0].Post(int.MaxValue);
        }

        return driver;
    }

    /// <summary>Opens a port in the guest and waits until the guest knows that the host is there.</summary>
    public static void Open(SerialDriver driver, int port)
    {
        driver.Open(port);
        _ = driver.Expect(ControlEvent.PortOpen, (uint)port);
    }

    public void Dispose()
    {
        Thread.Invoke(() =>
        {
            _server.Dispose();
            Device.Dispose();
        });
        if (_ownsLoop)
        {
            Thread.Dispose();
        }
    }

    private const VirtioFeatures Defaults = VirtioFeatures.Version1 | VirtioFeatures.InOrder | VirtioFeatures.EventIndex
        | VirtioFeatures.IndirectDescriptors;
}
