using System.Diagnostics.Metrics;
using VmChannel.Cli.Control;
using VmChannel.Cli.Serve;

namespace VmChannel.Cli.Metrics;

/// <summary>The meter <c>VmChannel</c> of a server: docs/metrics.md has its table.</summary>
/// <remarks>
/// All instruments are observed: they read what is published anyway when somebody collects, on the collector's thread, and
/// cost nothing while nobody does. Ports that are gone are gone from the meter as well.
/// </remarks>
internal sealed class ServerMeter : IDisposable
{
    public const string Name = "VmChannel";

    private readonly Server _server;

    /// <param name="server">What is observed.</param>
    /// <param name="api">Requests to the control API.</param>
    public ServerMeter(Server server, ApiCounters api)
    {
        _server = server;
        Meter = new Meter(Name, ServerView.Version);
        AddServer(api);

        // Instruments are read in this order, and a device counts before its port: so no port ever shows more than its device.
        PortInstruments.AddTo(this);
        DeviceInstruments.AddTo(this);
    }

    public Meter Meter { get; }

    public void Dispose() => Meter.Dispose();

    /// <summary>Something that only grows, of each VM.</summary>
    public void Counter(string name, string unit, string description, Func<VmHost, IEnumerable<Measurement<long>>> observe)
        => Meter.CreateObservableCounter(name, () => _server.Vms.SelectMany(observe), unit, description);

    /// <summary>How many there are now, of each VM; whether something is so is 1 or 0, so that a sum tells how many.</summary>
    public void Count(string name, string unit, string description, Func<VmHost, IEnumerable<Measurement<long>>> observe)
        => Meter.CreateObservableUpDownCounter(name, () => _server.Vms.SelectMany(observe), unit, description);

    /// <summary>Seconds that add up, of each VM.</summary>
    public void Time(string name, string description, Func<VmHost, IEnumerable<Measurement<double>>> observe)
        => Meter.CreateObservableCounter(name, () => _server.Vms.SelectMany(observe), "s", description);

    private void AddServer(ApiCounters api)
    {
        _ = Meter.CreateObservableUpDownCounter(
            "vmchannel.server.info",
            () => new Measurement<long>(1, [new("version", ServerView.Version)]),
            "{server}",
            "1, with the version of vmchannel.");
        _ = Meter.CreateObservableGauge(
            "vmchannel.server.uptime", () => (DateTimeOffset.UtcNow - _server.Started).TotalSeconds, "s", "Time since the server started.");
        _ = Meter.CreateObservableUpDownCounter("vmchannel.server.vms", () => (long)_server.Vms.Count, "{vm}", "VMs that are served.");
        _ = Meter.CreateObservableCounter(
            "vmchannel.server.events", () => _server.Journal.Last, "{event}", "Events, of all VMs.");
        _ = Meter.CreateObservableCounter(
            "vmchannel.server.missed_events", () => api.MissedEvents, "{event}", "Events that listeners were too slow for, over all listeners.");
        _ = Meter.CreateObservableCounter(
            "vmchannel.api.requests", () => api.Requests, "{request}", "Requests to the control API that are over.");
        _ = Meter.CreateObservableUpDownCounter(
            "vmchannel.api.active_requests", () => api.ActiveRequests, "{request}", "Requests under way, event listeners included.");
    }
}
