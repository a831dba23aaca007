using VmChannel.Cli.Serve;
using VmChannel.Device.Options;
using VmChannel.Device.Services;
using VmChannel.Device.VhostUser;
using VmChannel.Device.VirtioSerial;
using VmChannel.Native;
using VmChannel.Testing;
using Xunit;

namespace VmChannel.Cli.Tests.Serve;

/// <summary>A server in this process, with its sockets in a folder of its own.</summary>
internal sealed class ServerRig : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("vmch").FullName;
    private readonly LogFactory _log = new();

    public ServerRig() => Server = new Server(_log);

    public Server Server { get; }

    public LogLines Log => _log.Lines;

    public LogFactory Logs => _log;

    public string File(string name) => Path.Combine(_folder, name);

    public static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Plans a VM that listens on <c>NAME.sock</c>, with ports as <c>-virtioserial</c> has them.</summary>
    public VmPlan Plan(string name, params string[] ports)
    {
        const int MaxPorts = 8;
        Assert.True(UnixAddress.TryCreate(File($"{name}.sock"), isAbstract: false, isTight: true, out UnixAddress? address, out _));
        PortTable table = new(MaxPorts, ServiceCatalog.All);
        Assert.True(table.TryAddAll(ports.Select(Request), out string? error), error);
        return new VmPlan(name, new DevicePlan(new VirtioSerialSettings(MaxPorts), table.Plans), new VhostUserEndpoint.Listen(address));
    }

    public Task<VmHost> AddAsync(string name, params string[] ports) => Server.AddAsync(Plan(name, ports), Cancellation);

    public static PortRequest Request(string options)
    {
        Assert.True(PortOptions.TryParseSerial(options, ServiceCatalog.All, out PortRequest? request, out string? error), error);
        return request;
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        _log.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
