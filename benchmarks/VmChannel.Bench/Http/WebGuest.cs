using VmChannel.Cli.Run;
using VmChannel.Control;

namespace VmChannel.Bench.Http;

/// <summary>A User-Mode Linux guest that serves HTTP on a channel of <c>vmchannel serve</c>, both as they are shipped.</summary>
internal sealed class WebGuest : IAsyncDisposable
{
    private const string Vm = "web";
    private const string Channel = "org.vmchannel.bench.web";
    private static readonly TimeSpan BootTime = TimeSpan.FromSeconds(60);

    private readonly VmmProcess _server;
    private readonly VmmProcess _run;
    private readonly ControlClient _control;

    private WebGuest(VmmProcess server, VmmProcess run, ControlClient control)
    {
        _server = server;
        _run = run;
        _control = control;
    }

    public static async Task<WebGuest> StartAsync(string program, string folder)
    {
        string control = Path.Combine(folder, "control.sock");
        Dictionary<string, string> environment = new() { ["XDG_RUNTIME_DIR"] = folder };
        VmmProcess server = await VmmProcess.StartAsync(
        [
            program, "serve", "--quiet", "--name", Vm, "--vhost-user", Path.Combine(folder, "device.sock"), "--control", control,
            "-virtioserial", $"port=1,protocol={Channel},char=unix:{Path.Combine(folder, "host.sock")},server=on,wait=off",
        ], environment);
        while (!File.Exists(control) && !server.Ended.IsCompleted)
        {
            await Task.Delay(10);
        }

        VmmProcess run = await VmmProcess.StartAsync(
            [program, "run", "--vm", Vm, "--control", control, "--", Path.Combine(AppContext.BaseDirectory, "vmchannel-bench-web"), Channel], environment);
        return new WebGuest(server, run, new ControlClient(ControlAddress.Unix(control)));
    }

    public ValueTask<Stream> OpenAsync(CancellationToken cancellationToken) => VmPort.OpenAsync(_control, Vm, Channel, cancellationToken);

    /// <summary>Waits until it answers.</summary>
    /// <exception cref="BenchException">It does not.</exception>
    public async Task WaitAsync(HttpClient client)
    {
        using CancellationTokenSource limit = new(BootTime);
        try
        {
            _ = await client.GetStringAsync(new Uri("small", UriKind.Relative), limit.Token);
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            throw new BenchException($"the guest does not answer: {e.Message}\n{_run.Log.LastLines(12)}\n{_server.Log.LastLines(6)}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        _control.Dispose();
        await _run.DisposeAsync();
        await _server.DisposeAsync();
    }
}
