using VmChannel.Device.Channels;
using VmChannel.Device.Ports;
using VmChannel.Device.UsbRedir;
using VmChannel.Device.UsbSerial;
using VmChannel.Native;

namespace VmChannel.Testing;

/// <summary>A USB adapter as it is served: loop, port, and the socket where a peer fetches it.</summary>
public sealed class UsbRig : IDisposable
{
    public const string Protocol = "org.example.api";

    private readonly bool _ownsLoop;
    private readonly UsbAdapterKind _kind;

    /// <param name="end">What serves the port.</param>
    /// <param name="loop">A loop to share with another rig.</param>
    /// <param name="kind">What it is to the guest's drivers.</param>
    public UsbRig(HostEnd end, LoopThread? loop = null, UsbAdapterKind kind = UsbAdapterKind.Ftdi)
    {
        _kind = kind;
        _ownsLoop = loop is null;
        Thread = loop ?? new LoopThread(Log);
        Name = $"vmchannel-{Guid.NewGuid():N}";
        _ = UnixAddress.TryCreate(Name, isAbstract: true, isTight: true, out UnixAddress? address, out _);
        (Server, Port) = Thread.Invoke(() =>
        {
            UsbRedirServer server = new(Thread.Loop, new UsbRedirEndpoint(address, null, Connects: false), Log.For<UsbRedirServer>());
            Port port = NewPort(end);
            server.Plug(NewAdapter(port));
            server.Start();
            return (server, port);
        });
    }

    public LogLines Log { get; } = new();

    public LoopThread Thread { get; }

    public UsbRedirServer Server { get; }

    public Port Port { get; private set; }

    /// <summary>Name of the abstract socket.</summary>
    public string Name { get; }

    /// <summary>A peer that has taken the device and set it up.</summary>
    public UsbPeer Fetch()
    {
        UsbPeer peer = UsbPeer.Connect(Name);
        _ = peer.TakeDevice();
        return peer;
    }

    /// <summary>Takes the adapter away.</summary>
    public void Unplug()
        => Thread.Invoke(() =>
        {
            Server.Unplug("it was unplugged");
            Port.Dispose();
        });

    /// <summary>Gives the peer another.</summary>
    public void Plug(HostEnd end)
        => Thread.Invoke(() =>
        {
            Port = NewPort(end);
            Server.Plug(NewAdapter(Port));
        });

    public void Dispose()
    {
        Thread.Invoke(() =>
        {
            Server.Dispose();
            Port.Dispose();
        });
        if (_ownsLoop)
        {
            Thread.Dispose();
        }
    }

    private Port NewPort(HostEnd end)
    {
        Port port = new(new PortSpec(1, Protocol) { Transport = PortTransport.UsbSerial, Adapter = _kind }, end, Thread.Loop, Log);
        port.Start();
        return port;
    }

    private UsbSerialAdapter NewAdapter(Port port) => new(port, UsbSerialAdapter.SerialOf("vm", Protocol), Thread.Loop, TimeSpan.FromSeconds(5));
}
