using System.Net;
using VmChannel.Control;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Http;

/// <summary>A server, and a guest in which a web server runs on a channel, again and again.</summary>
public sealed class WebMachine : IAsyncLifetime
{
    public const string Vm = "device";
    public const string Api = "test.api";
    public const string Host = "test.host";

    private readonly TestFolder _folder = new();
    private RunProcess _guest = null!;

    internal ServeProcess Serve { get; private set; } = null!;

    /// <summary>What the programs of this repository are built to.</summary>
    internal static string Program(string project)
    {
        string path = Path.Combine(Executables.Repository, project, "bin", "Debug", "net10.0", Path.GetFileName(project) + ".dll");
        return File.Exists(path) ? path : throw new FileNotFoundException($"{path} is missing: build {project}");
    }

    public async ValueTask InitializeAsync()
    {
        Serve = await ServeProcess.StartAsync(
            _folder,
            "-virtioserial", $"port=1,protocol={Api},char=unix:{_folder.File("api.sock")},server",
            "-virtioserial", $"port=2,protocol={Host},char=unix:{_folder.File("host.sock")},server");
        _guest = RunProcess.Start(
            "--vm", Vm, "--control", Serve.ControlSocket, "--memory", "1G",
            "--share", Executables.Repository, // for one below /tmp, where the guest has a folder of its own
            "--", "sh", "-c", $"while :; do dotnet {Program("tests/VmChannel.WebGuest")} {Api} {Host}; echo restarts; done");
        _guest.Process.Input.Close();
        using HttpMessageHandler handler = Handler();
        using HttpClient client = ClientOf(handler, HttpVersion.Version11);
        _ = await client.GetStringAsync(new Uri("process", UriKind.Relative), TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        _guest.Process.Signal(PosixSignalNumber.Terminate);
        _ = await _guest.EndAsync();
        await _guest.DisposeAsync();
        await Serve.DisposeAsync();
        _folder.Dispose();
    }

    /// <summary>A handler for the guest's server.</summary>
    internal HttpMessageHandler Handler() => VmChannelHttp.CreateHandler(Serve.Control, Vm, Api);

    internal static HttpClient ClientOf(HttpMessageHandler handler, Version version) => new(handler, disposeHandler: false)
    {
        BaseAddress = new Uri("http://guest/"),
        DefaultRequestVersion = version,
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        Timeout = Patience.Short,
    };
}

[CollectionDefinition]
public sealed class WebGuestTests : ICollectionFixture<WebMachine>;
