using Microsoft.Extensions.Logging;
using VmChannel.Device.Channels;
using VmChannel.Device.Chardevs;
using VmChannel.Device.Loop;
using VmChannel.Device.Options;
using VmChannel.Device.Ports;
using VmChannel.Device.Services;
using VmChannel.Device.VhostUser;
using VmChannel.Device.VirtioSerial;
using VmChannel.Native;

namespace VmChannel.Cli.Serve;

/// <summary>One device with its ports and its front-end socket, served by a thread of this process. Disposing undoes all of it.</summary>
internal sealed class ServerHost : IAsyncDisposable
{
    private static readonly TimeSpan StopTime = TimeSpan.FromSeconds(3);

    private readonly DeviceLoop _loop;
    private readonly VirtioSerialDevice _device;
    private readonly Thread _thread;
    private readonly List<Port> _ports = [];
    private readonly TaskCompletionSource _finished = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private VhostUserServer? _server;

    private ServerHost(DevicePlan plan, ILoggerFactory log)
    {
        _loop = new DeviceLoop(log.CreateLogger<DeviceLoop>());
        _device = new VirtioSerialDevice(_loop, plan.Settings, log.CreateLogger<VirtioSerialDevice>());
        _thread = new Thread(_loop.Run) { Name = "device loop", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Completes when the front-end has gone and cannot come back, as with an inherited connection.</summary>
    public Task Finished => _finished.Task;

    /// <summary>Starts everything, in the order in which others may rely on it: host ends, then the socket the VMM connects to.</summary>
    /// <exception cref="IOException">Something cannot start: the message says what, and all that had started is undone.</exception>
    public static async Task<ServerHost> StartAsync(
        DevicePlan plan, VhostUserEndpoint endpoint, bool offersInBand, ILoggerFactory log, CancellationToken cancellationToken)
    {
        // Without it a large device fails later, and in a less clear way.
        _ = ResourceLimits.MaximizeOpenFiles();
        ServerHost host = new(plan, log);
        try
        {
            _ = await host._loop.InvokeAsync(() => host.ReserveServer(endpoint, offersInBand, log));
            List<Task> ready = [];
            foreach (PortPlan port in plan.Ports)
            {
                ready.Add(await host._loop.InvokeAsync(() => host.StartPort(port, log)));
            }

            await WaitAsync(ready, cancellationToken);
            _ = await host._loop.InvokeAsync(host.StartServer);
            return host;
        }
        catch
        {
            await host.DisposeAsync();
            throw;
        }
    }

    /// <summary>The port of this protocol, or null.</summary>
    public Port? Find(string protocol) => _ports.Find(port => port.Spec.Protocol == protocol);

    /// <summary>The port is closed in the guest, and what was written to it has been delivered.</summary>
    public Task<bool> IsFinishedAsync(Port port) => _loop.InvokeAsync(() => _device.IsFinished(port.Spec.Number));

    /// <summary>What the console wrote has been delivered.</summary>
    public Task<bool> IsConsoleDeliveredAsync() => _loop.InvokeAsync(() => _device.IsDelivered(0));

    /// <summary>The host's terminal has this size now.</summary>
    public void Resize(TerminalSize size) => _loop.Post(() => _device.Resize(size));

    public async ValueTask DisposeAsync()
    {
        _loop.Stop();
        _thread.Join();

        // The loop's thread is over, so this one may touch what was its own.
        _server?.Dispose();
        foreach (Port port in _ports)
        {
            port.Dispose();
        }

        _device.Dispose();
        _loop.Dispose();
        // Services still store what they had taken from the guest.
        await Task.WhenAny(Task.WhenAll(_ports.Select(port => port.HostEnd.Completion)), Task.Delay(StopTime));
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

    private Task StartPort(PortPlan plan, ILoggerFactory log)
    {
        try
        {
            HostEnd end = plan.Chardev is ChardevSpec chardev
                ? ChardevFactory.Create(chardev, _loop, log.CreateLogger<Chardev>())
                : ServiceCatalog.Create(plan.Service!, plan.ServiceOptions, _loop, log);
            Port port = new(plan.Spec, end, log.CreateLogger<Port>());
            _ports.Add(port);
            port.Start();
            _device.Plug(port);
            return end.Ready;
        }
        catch (IOException e)
        {
            throw new HostEndException($"{plan.Origin}: {e.Message}", e);
        }
    }

    private bool ReserveServer(VhostUserEndpoint endpoint, bool offersInBand, ILoggerFactory log)
    {
        _server = new VhostUserServer(_loop, _device, endpoint, offersInBand, log.CreateLogger<VhostUserServer>())
        {
            Finished = () => _finished.TrySetResult(),
        };
        _server.Reserve();
        return true;
    }

    private bool StartServer()
    {
        _server!.Start();
        return true;
    }
}
