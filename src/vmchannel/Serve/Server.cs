using Microsoft.Extensions.Logging;
using VmChannel.Control;
using VmChannel.Device.Events;
using VmChannel.Device.Loop;
using VmChannel.Native;

namespace VmChannel.Cli.Serve;

/// <summary>The VMs this process serves, by name; they come and go while it runs. Disposing stops them all.</summary>
/// <remarks>Any thread may call; VMs come and go one at a time.</remarks>
internal sealed class Server : IAsyncDisposable
{
    private static readonly TimeSpan QuietTime = TimeSpan.FromSeconds(2);

    private readonly ILoggerFactory _log;
    private readonly LoopPool _loops;
    private readonly ChangeQueue _changes = new();
    private readonly LogFileClaims _logFiles = new();
    private readonly TaskCompletionSource _finished = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly IVmNames? _names;
    private readonly HeapTrim _trim;
    private volatile Entry[] _entries = [];

    /// <param name="log">For all parts.</param>
    /// <param name="names">Where VMs are found by others; null = nowhere.</param>
    /// <param name="loops">How its loops work.</param>
    public Server(ILoggerFactory log, IVmNames? names = null, LoopPlan? loops = null)
    {
        _log = log;
        _names = names;
        _loops = new LoopPool(loops ?? LoopPlan.Default, log);
        _trim = new HeapTrim(Journal, () => _loops.Wakeups, QuietTime);

        // Without it a large device fails later, and in a less clear way.
        _ = ResourceLimits.MaximizeOpenFiles();
    }

    /// <summary>The VMs that are served now, by name.</summary>
    public IReadOnlyList<VmHost> Vms => Array.ConvertAll(_entries, entry => entry.Host);

    /// <summary>Completes when no VM can come back any more, as when each had an inherited connection that ended.</summary>
    public Task Finished => _finished.Task;

    /// <summary>One line for the service manager.</summary>
    public string Summary => $"serving VMs: {Vms.Count}, ports: {Vms.Sum(vm => vm.Ports.Count)}";

    /// <summary>What happened to the VMs and their ports.</summary>
    public EventJournal Journal { get; } = new();

    /// <summary>When it began, UTC.</summary>
    public DateTimeOffset Started { get; } = DateTimeOffset.UtcNow;

    /// <summary>Reads the configuration again and applies what differs; null when there is none.</summary>
    /// <remarks>It throws a <see cref="ReloadException"/> when the configuration makes no sense; nothing has changed then.</remarks>
    public Func<CancellationToken, Task<ReloadResult>>? Reload { get; set; }

    /// <summary>The VM of this name, or null.</summary>
    public VmHost? Find(string name) => Array.Find(_entries, entry => entry.Host.Name == name)?.Host;

    /// <summary>Starts to serve a VM.</summary>
    /// <param name="plan">The VM.</param>
    /// <param name="waitsForClients">Servers with <c>wait=on</c> are waited for; nothing else is added meanwhile.</param>
    /// <param name="cancellationToken">Ends the waiting for whoever has to be there first.</param>
    /// <exception cref="IOException">It cannot start, or the name is taken: the message says why, and nothing is left of it.</exception>
    public Task<VmHost> AddAsync(VmPlan plan, bool waitsForClients, CancellationToken cancellationToken)
        => _changes.RunAsync(() => AddNextAsync(plan, waitsForClients, cancellationToken), cancellationToken);

    /// <summary>The same at the start of a server, which waits for first clients.</summary>
    /// <inheritdoc cref="AddAsync(VmPlan, bool, CancellationToken)"/>
    public Task<VmHost> AddAsync(VmPlan plan, CancellationToken cancellationToken) => AddAsync(plan, waitsForClients: true, cancellationToken);

    /// <summary>Stops to serve a VM: its socket closes, then its host ends.</summary>
    /// <returns>False when there is none of this name.</returns>
    public Task<bool> RemoveAsync(string name, CancellationToken cancellationToken)
        => _changes.RunAsync(
            async () =>
            {
                Entry[] removed = Array.FindAll(_entries, entry => entry.Host.Name == name);
                await RemoveAsync(removed);
                return removed.Length > 0;
            },
            cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _trim.DisposeAsync();
        _ = await _changes.RunAsync(
            async () =>
            {
                await RemoveAsync(_entries);
                return true;
            },
            CancellationToken.None);
    }

    private async Task<VmHost> AddNextAsync(VmPlan plan, bool waitsForClients, CancellationToken cancellationToken)
    {
        if (Find(plan.Name) is not null)
        {
            throw new IOException($"there is a VM named {plan.Name} already: give this one another --name");
        }

        _names?.Claim(plan.Name);
        DeviceLoop loop = _loops.Take();
        try
        {
            VmHost host = await VmHost.StartAsync(plan, loop, Journal, _logFiles, _log, waitsForClients, cancellationToken);
            _entries = [.. _entries.Append(new Entry(host, loop)).OrderBy(entry => entry.Host.Name, StringComparer.Ordinal)];
            _ = WatchAsync(host);
            return host;
        }
        catch
        {
            _loops.Return(loop);
            _names?.Release(plan.Name);
            throw;
        }
    }

    private async Task RemoveAsync(Entry[] removed)
    {
        // No longer to be found while they stop.
        _entries = [.. _entries.Except(removed)];
        await Task.WhenAll(removed.Select(entry => entry.Host.DisposeAsync().AsTask()));
        foreach (Entry entry in removed)
        {
            _loops.Return(entry.Loop);
            _names?.Release(entry.Host.Name);
        }
    }

    private async Task WatchAsync(VmHost host)
    {
        await host.Finished;
        Entry[] entries = _entries;
        if (Array.Exists(entries, entry => entry.Host == host) && Array.TrueForAll(entries, entry => entry.Host.Finished.IsCompleted))
        {
            _ = _finished.TrySetResult();
        }
    }

    private sealed record Entry(VmHost Host, DeviceLoop Loop);
}
