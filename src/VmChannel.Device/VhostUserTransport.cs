using Microsoft.Extensions.Logging;
using VmChannel.Device.Events;
using VmChannel.Device.Loop;
using VmChannel.Device.Ports;
using VmChannel.Device.VhostUser;
using VmChannel.Device.VirtioSerial;
using VmChannel.Native;

namespace VmChannel.Device;

/// <summary>A virtio-serial device of our own, which a VMM uses by vhost-user.</summary>
public sealed class VhostUserTransport : IPortTransport
{
    private readonly VirtioSerialDevice _device;
    private readonly VhostUserServer? _server;

    /// <param name="loop">Serves it.</param>
    /// <param name="settings">The device's.</param>
    /// <param name="endpoint">Where the front-end is met; null = nowhere: the VM has no such device.</param>
    /// <param name="offersInBand">Offer in-band notifications.</param>
    /// <param name="events">Gets what happens to the device.</param>
    /// <param name="log">For all parts.</param>
    public VhostUserTransport(
        DeviceLoop loop, VirtioSerialSettings settings, VhostUserEndpoint? endpoint, bool offersInBand, VmJournal events, ILoggerFactory log)
    {
        _device = new VirtioSerialDevice(loop, settings with { IsOffered = endpoint is not null }, log.CreateLogger<VirtioSerialDevice>(), events);
        _server = endpoint is null ? null : new VhostUserServer(loop, _device, endpoint, offersInBand, log.CreateLogger<VhostUserServer>());
    }

    public DeviceState State => _device.State;

    public bool IsConnected => _server is { IsConnected: true };

    public Action? Finished
    {
        get => _server?.Finished;
        set
        {
            if (_server is not null)
            {
                _server.Finished = value;
            }
        }
    }

    public void Reserve() => _server?.Reserve();

    public void Start() => _server?.Start();

    public Task Plug(Port port)
    {
        _device.Plug(port);
        return Task.CompletedTask;
    }

    public Port? Unplug(int number) => _device.Unplug(number);

    public bool IsFinished(int number) => _device.IsFinished(number);

    public bool IsDelivered(int number) => _device.IsDelivered(number);

    public void Resize(TerminalSize size) => _device.Resize(size);

    public Task StopAsync() => Task.CompletedTask;

    public void Close() => _server?.Dispose();

    public void Dispose()
    {
        _server?.Dispose();
        _device.Dispose();
    }
}
