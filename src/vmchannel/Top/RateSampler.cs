using System.Diagnostics;
using VmChannel.Control;

namespace VmChannel.Cli.Top;

/// <summary>Looks at all ports again and again, and makes rates of what changed.</summary>
/// <param name="servers">Who to ask; a server that ends is asked no more.</param>
/// <param name="vm">The only VM to look at; null = all.</param>
internal sealed class RateSampler(IEnumerable<ControlClient> servers, string? vm)
{
    private readonly List<ControlClient> _servers = [.. servers];
    private Dictionary<(string Vm, int Port), PortInfo> _before = [];
    private long _last;

    /// <summary>The rates since the last call; the first one has none, and a length of zero.</summary>
    /// <exception cref="ControlException">No server is left.</exception>
    public async Task<RatesReport> NextAsync(CancellationToken cancellationToken)
    {
        List<(string Vm, PortInfo Port)> ports = [];
        foreach (ControlClient server in _servers.ToArray())
        {
            try
            {
                ports.AddRange(await LookAsync(server, cancellationToken));
            }
            catch (ControlException) when (_servers.Count > 1)
            {
                _ = _servers.Remove(server);
            }
        }

        long now = Stopwatch.GetTimestamp();
        TimeSpan time = _last == 0 ? TimeSpan.Zero : Stopwatch.GetElapsedTime(_last, now);
        PortRates[] rates = [.. ports.Select(seen => RatesOf(seen.Vm, seen.Port, time))];
        _last = now;
        _before = ports.ToDictionary(seen => (seen.Vm, seen.Port.Number), seen => seen.Port);
        return new RatesReport(DateTimeOffset.UtcNow, time.TotalSeconds, rates);
    }

    private PortRates RatesOf(string name, PortInfo port, TimeSpan time)
        => time == TimeSpan.Zero
            ? new() { Vm = name, Port = port }
            : PortRates.Between(name, _before.GetValueOrDefault((name, port.Number)), port, time);

    private async Task<List<(string Vm, PortInfo Port)>> LookAsync(ControlClient server, CancellationToken cancellationToken)
    {
        IEnumerable<string> names = vm is null ? (await server.GetVmsAsync(cancellationToken)).Select(info => info.Name) : [vm];
        List<(string, PortInfo)> ports = [];
        foreach (string name in names)
        {
            ports.AddRange((await server.GetPortsAsync(name, cancellationToken)).Select(port => (name, port)));
        }

        return ports;
    }
}
