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

        List<double> rates = [];
        (List<Series> called, List<Series> quiet) = settings.InTurns(
            () =>
            {
                _callers.Go(pace);
                Series turns = Turns();
                rates.Add(_callers.Stop());
                return turns;
            },
            Turns);
        _measures.AddRange(Measure.Percentiles($"{name},", "µs", called, quiet, 50, 99, 99.9));
        _measures.Add(new($"{name}, calls", "per s", new(rates)));
    }

    private Series Turns() => new(server.PingPong(settings.RoundTrips * MoreTurns));
}
