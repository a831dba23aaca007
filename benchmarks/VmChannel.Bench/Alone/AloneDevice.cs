using Microsoft.Extensions.Logging.Abstractions;
using VmChannel.Device.Channels;
using VmChannel.Device.Chardevs;
using VmChannel.Device.Ports;
using VmChannel.Device.VhostUser;
using VmChannel.Device.VirtioSerial;
using VmChannel.Native;

namespace VmChannel.Bench.Alone;

/// <summary>A device without a VM: loop, ports and host ends as the product has them, and a driver double in the same process.</summary>
/// <remarks>Everything between the two is real: the vhost-user socket, the shared memory, the rings, the eventfds.</remarks>
internal sealed class AloneDevice : IDisposable
{
    public const int UnixPort = 1;

    private const int NullPort = 2;

    private readonly LoopThread _thread = new();
    private readonly VirtioSerialDevice _device;
    private readonly VhostUserServer _server;

    /// <param name="folder">A private folder for the sockets.</param>
    public AloneDevice(string folder)
    {
        UnixAddress vhostUser = Sockets.Address(folder, "device.sock");
        UnixAddress host = Sockets.Address(folder, "host.sock");
        _device = new(_thread.Loop, new(NullPort + 1), NullLogger<VirtioSerialDevice>.Instance);
        Plug(UnixPort, "org.vmchannel.bench.unix", new UnixServer(_thread.Loop, host, waitsForClient: false, NullLogger.Instance));
        Plug(NullPort, "org.vmchannel.bench.null", new NullChardev());
        _server = new(_thread.Loop, _device, new VhostUserEndpoint.Listen(vhostUser), offersInBand: false, NullLogger<VhostUserServer>.Instance);
        _server.Start();
        _thread.Start();
        Peer = HostPeer.Connect(host.Name);
        Driver = new(vhostUser, UnixPort, NullPort);
    }

    /// <summary>What connects to the unix host end.</summary>
    public HostPeer Peer { get; }

    public GuestDriver Driver { get; }

    public DriverRing ToUnix => Driver.To[UnixPort];

    public DriverRing FromUnix => Driver.From[UnixPort];

    public DriverRing ToNull => Driver.To[NullPort];

    public LoopUse Use() => _thread.Use();

    public void Dispose()
    {
        Driver.Dispose();
        Peer.Dispose();
        _thread.Stop();
        _server.Dispose();
        _device.Dispose();
        _thread.Dispose();
    }

    private void Plug(int number, string name, HostEnd end)
    {
        Port port = new(new PortSpec(number, name), end, _thread.Loop, NullLogger.Instance);
        _device.Plug(port);
        port.Start();
    }
}
