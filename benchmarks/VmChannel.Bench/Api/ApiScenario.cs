using VmChannel.Bench.Results;

namespace VmChannel.Bench.Api;

/// <summary>A busy channel of a server, with and without a thousand clients of its control API.</summary>
internal sealed class ApiScenario(BenchSettings settings, BusyServer server) : IDisposable
{
    private const int Clients = 1000;

    /// <summary>A run has to last for several waves.</summary>
    private const int MoreTurns = 40;

    private readonly ApiCallers _callers = new(server.Control, Clients);
    private readonly List<Measure> _measures = [];

    public Section Run()
    {
        _ = server.PingPong(settings.RoundTrips);
        Waves("a wave each second", TimeSpan.FromSeconds(1));
        Waves("wave after wave", TimeSpan.Zero);
        return new(
            "api",
            $"round trip of one byte through vmchannel serve, driver double; {Clients} clients of its control API: 100 listen to events, the others GET ports or inspect, all at once",
            "no calls",
            "calls",
            _measures);
    }

    public void Dispose() => _callers.Dispose();

    private void Waves(string name, TimeSpan pace)
    {
        if (!settings.Wants(name))
        {
            return;
        }

        List<Series> quiet = [], called = [];
        List<double> rates = [];
        foreach (bool quietFirst in settings.Order())
        {
            if (quietFirst)
            {
                quiet.Add(Turns());
            }

            _callers.Go(pace);
            called.Add(Turns());
            rates.Add(_callers.Stop());
            if (!quietFirst)
            {
                quiet.Add(Turns());
            }
        }

        foreach ((string part, double share) in ((string, double)[])[("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)])
        {
            _measures.Add(new(
                $"{name}, {part}",
                "µs",
                new([.. called.Select(series => series.Percentile(share))]),
                new([.. quiet.Select(series => series.Percentile(share))])));
        }

        _measures.Add(new($"{name}, calls", "per s", new(rates)));
    }

    private Series Turns() => new(server.PingPong(settings.RoundTrips * MoreTurns));
}
