using VmChannel.Cli.Control;
using VmChannel.Cli.Serve;
using VmChannel.Cli.Tests.Serve;
using VmChannel.Device.VhostUser;
using VmChannel.Device.VirtioSerial;
using VmChannel.Native;
using Xunit;

namespace VmChannel.Cli.Tests.Client;

/// <summary>A server whose VMs have their names in a folder.</summary>
internal sealed class NamedServer : IAsyncDisposable
{
    private readonly LogFactory _log = new();
    private readonly ControlListeners _listeners;
    private readonly Server _server;
    private readonly ControlServer _api;

    public NamedServer(string folder)
    {
        _listeners = ControlListeners.Open(new ControlPlan(Path: folder), _log);
        _server = new Server(_log, _listeners.Names);
        _api = new ControlServer(_server, _listeners, _log);
    }

    public async Task AddAsync(string name)
    {
        Assert.True(UnixAddress.TryCreate($"vmchannel-{Guid.NewGuid():N}", isAbstract: true, isTight: true, out UnixAddress? address, out _));
        _ = await _server.AddAsync(
            new VmPlan(name, new DevicePlan(new VirtioSerialSettings(4), []), new VhostUserEndpoint.Listen(address)), TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await _api.DisposeAsync();
        await _server.DisposeAsync();
        _listeners.Dispose();
        _log.Dispose();
    }
}
