using VmChannel.Cli.Config;
using VmChannel.Cli.Serve;
using VmChannel.Cli.Tests.Serve;
using VmChannel.Control;
using VmChannel.Testing;

namespace VmChannel.Cli.Tests.Config;

/// <summary>A server that follows a file in a folder of its own; <c>~</c> in the file's text is that folder.</summary>
internal sealed class ReloadRig : IAsyncDisposable
{
    private readonly ServerRig _rig;
    private readonly ConfigReload _reload;

    private ReloadRig(ServerRig rig, string path, ServerConfig config)
    {
        _rig = rig;
        Path = path;
        _reload = new ConfigReload(new ConfigSource(path, config), rig.Server, rig.Log.For<ConfigReload>());
    }

    public string Path { get; }

    public Server Server => _rig.Server;

    public LogLines Log => _rig.Log;

    public static async Task<ReloadRig> StartAsync(string text)
    {
        ServerRig rig = new();
        string path = rig.File("host.toml");
        await WriteAsync(path, text);
        ReloadRig reload = new(rig, path, await ConfigFile.ReadAsync(path, ServerRig.Cancellation));
        await reload._reload.StartAsync(ServerRig.Cancellation);
        return reload;
    }

    public string File(string name) => _rig.File(name);

    public VmHost Vm(string name) => Server.Find(name)!;

    /// <summary>Changes the file and reloads it.</summary>
    public async Task<ReloadResult> ReloadAsync(string text)
    {
        await WriteAsync(Path, text);
        return await _reload.ReloadAsync(ServerRig.Cancellation);
    }

    /// <summary>As at the end of the process.</summary>
    public ValueTask StopReloadsAsync() => _reload.DisposeAsync();

    public async ValueTask DisposeAsync()
    {
        await _reload.DisposeAsync();
        await _rig.DisposeAsync();
    }

    private static Task WriteAsync(string path, string text)
        => System.IO.File.WriteAllTextAsync(path, text.Replace("~", System.IO.Path.GetDirectoryName(path), StringComparison.Ordinal), ServerRig.Cancellation);
}
