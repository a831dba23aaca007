using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using VmChannel.Cli.Serve;
using VmChannel.Control;

namespace VmChannel.Cli.Config;

/// <summary>Reads the configuration file again when asked to, and makes a running server follow it.</summary>
/// <remarks>
/// What counts is the difference between two readings of the file, not that between the file and the server: a port
/// plugged or changed by hand stays as it is until its own entry in the file changes. Any thread; one at a time.
/// </remarks>
internal sealed partial class ConfigReload : IAsyncDisposable
{
    private readonly string _path;
    private readonly Server _server;
    private readonly ILogger _log;
    private readonly ChangeQueue _reloads = new();
    private readonly CancellationTokenSource _stopping = new();
    private ServerConfig _applied;

    /// <param name="source">The file and its first reading, which <see cref="StartAsync"/> makes the server follow.</param>
    /// <param name="server">The server.</param>
    /// <param name="log">What was done, and what could not be.</param>
    public ConfigReload(ConfigSource source, Server server, ILogger<ConfigReload> log)
    {
        (_path, _applied) = source;
        _server = server;
        _log = log;
    }

    /// <summary>Serves what the first reading asks for. A reload waits for it.</summary>
    /// <exception cref="IOException">A VM cannot start: the message says why.</exception>
    public Task StartAsync(CancellationToken cancellationToken)
        => _reloads.RunAsync(
            async () =>
            {
                foreach (VmConfig vm in _applied.Vms)
                {
                    _ = await _server.AddAsync(vm.Plan, cancellationToken);
                }

                return true;
            },
            cancellationToken);

    /// <summary>Reads the file again on SIGHUP, until disposed.</summary>
    public PosixSignalRegistration FollowSignal()
        => PosixSignalRegistration.Create(PosixSignal.SIGHUP, context =>
        {
            context.Cancel = true;
            _ = ReloadAndLogAsync();
        });

    /// <summary>Reads the file and applies what differs from the last reading. What fails leaves the rest to go on, and is tried again next time.</summary>
    /// <exception cref="ReloadException">Something in the file is wrong; nothing has changed.</exception>
    /// <exception cref="IOException">The server is being stopped.</exception>
    public Task<ReloadResult> ReloadAsync(CancellationToken cancellationToken) => _reloads.RunAsync(ReloadNextAsync, cancellationToken);

    /// <summary>A reload that has begun waits for nobody any more, and ends; none begins afterwards.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_stopping.IsCancellationRequested)
        {
            await _stopping.CancelAsync();
        }

        _ = await _reloads.RunAsync(() => Task.FromResult(true), CancellationToken.None);
        _stopping.Dispose();
    }

    /// <summary>The same for somebody who cannot be answered, as with a signal: the log has the result.</summary>
    private async Task ReloadAndLogAsync()
    {
        try
        {
            _ = await ReloadAsync(CancellationToken.None);
        }
        catch (IOException)
        {
            // Logged already, error by error; or the server is being stopped.
        }
    }

    private async Task<ReloadResult> ReloadNextAsync()
    {
        if (_stopping.IsCancellationRequested)
        {
            throw Stopped();
        }

        ServiceManager.Reloading();
        try
        {
            ServerConfig next = await ConfigFile.ReadAsync(_path, _stopping.Token);
            ConfigChange change = new(_server, _applied, _stopping.Token);
            ReloadResult result = await change.ApplyAsync(next);
            _applied = change.Applied;
            Report(result);
            ServiceManager.Ready(_server.Summary + (result.Failed.Count == 0 ? "" : $"; {result.Failed[0]}"));
            return result;
        }
        catch (ConfigException e)
        {
            foreach (string error in e.Errors)
            {
                LogError(error);
            }

            LogRefused(_path, e.Errors.Count);
            ServiceManager.Ready($"{_server.Summary}; reload refused: {e.Errors[0]}");
            throw new ReloadException(e.Errors);
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            throw Stopped();
        }
    }

    private IOException Stopped() => new($"{_path}: not followed to its end: the server is being stopped");

    private void Report(ReloadResult result)
    {
        foreach (string failure in result.Failed)
        {
            LogFailure(failure);
        }

        LogReloaded(_path, List(result.Added), List(result.Removed), List(result.Changed), result.Unchanged);
    }

    private static string List(IReadOnlyList<string> names) => names.Count == 0 ? "nothing" : string.Join(", ", names);

    [LoggerMessage(150, LogLevel.Information, "{File} read again: added {Added}; removed {Removed}; changed {Changed}; ports untouched: {Unchanged}")]
    private partial void LogReloaded(string file, string added, string removed, string changed, int unchanged);

    [LoggerMessage(151, LogLevel.Error, "{Error}")]
    private partial void LogError(string error);

    [LoggerMessage(152, LogLevel.Error, "{File} has errors ({Count}): nothing was changed; correct it and reload again")]
    private partial void LogRefused(string file, int count);

    [LoggerMessage(153, LogLevel.Error, "{Failure}; the next reload tries again")]
    private partial void LogFailure(string failure);
}
