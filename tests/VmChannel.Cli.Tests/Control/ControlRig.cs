using System.Net.Sockets;
using VmChannel.Cli.Control;
using VmChannel.Cli.Serve;
using VmChannel.Cli.Tests.Serve;
using VmChannel.Control;
using VmChannel.Device.Options;
using VmChannel.Device.Services;
using VmChannel.Device.VhostUser;
using VmChannel.Device.VirtioSerial;
using VmChannel.Native;
using Xunit;

namespace VmChannel.Cli.Tests.Control;

/// <summary>A server with its control API in this process, and a client of it.</summary>
internal sealed class ControlRig : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("vmch").FullName;
    private readonly LogFactory _log = new();
    private readonly ControlListeners _listeners;

    public ControlRig(ControlPlan? plan = null)
    {
        _listeners = ControlListeners.Open((plan ?? new()) with { Place = ControlPlace.Path, Path = SocketPath }, _log);
        Server = new Server(_log, _listeners.Names);
        Api = new ControlServer(Server, _listeners, _log);
        Client = new ControlClient(ControlAddress.Unix(SocketPath));
        Http = new HttpClient(new SocketsHttpHandler { ConnectCallback = async (_, token) => new NetworkStream(await ConnectAsync(token), ownsSocket: true) })
        {
            BaseAddress = new Uri("http://localhost/"),
        };
    }

    public static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public string SocketPath => File("control.sock");

    public Server Server { get; }

    public ControlServer Api { get; }

    public ControlClient Client { get; }

    /// <summary>For what the typed client would not say.</summary>
    public HttpClient Http { get; }

    public ControlListeners Listeners => _listeners;

    public LogFactory Logs => _log;

    public string File(string name) => Path.Combine(_folder, name);

    /// <summary>Serves a VM that listens on <c>NAME.sock</c>, with ports as <c>-virtioserial</c> has them.</summary>
    public Task<VmHost> AddAsync(string name, params string[] ports) => AddAsync(name, new VirtioSerialSettings(MaxPorts: 8), ports);

    /// <inheritdoc cref="AddAsync(string, string[])"/>
    public Task<VmHost> AddAsync(string name, VirtioSerialSettings settings, params string[] ports)
    {
        Assert.True(UnixAddress.TryCreate(File($"{name}.sock"), isAbstract: false, isTight: true, out UnixAddress? address, out _));
        PortTable table = new(settings.MaxPorts, ServiceCatalog.All);
        Assert.True(table.TryAddAll(ports.Select(ServerRig.Request), out string? error), error);
        VmPlan plan = new(name, new DevicePlan(settings, table.Plans), new VhostUserEndpoint.Listen(address));
        return Server.AddAsync(plan, Cancellation);
    }

    /// <summary>A plain connection to the control socket.</summary>
    public async Task<Socket> ConnectAsync(CancellationToken cancellationToken)
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(SocketPath), cancellationToken);
        return socket;
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        Http.Dispose();
        await Api.DisposeAsync();
        await Server.DisposeAsync();
        _listeners.Dispose();
        _log.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
