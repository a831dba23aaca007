using System.Globalization;
using VmChannel.Bench.Results;

namespace VmChannel.Bench.Many;

/// <summary>How the server grows from one device to a thousand: idle, and with one device in a hundred busy.</summary>
internal sealed class ManyScenario(BenchSettings settings, string program, string folder)
{
    private static readonly int[] Counts = [1, 10, 100, 1000];

    // The server gives memory back once it finds that nothing has happened for a while, and looks ever more seldom while its loops have something to do.
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan IdleTime = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(2);

    private readonly List<Measure> _measures = [];

    public async Task<Section> RunAsync()
    {
        int fit = DescriptorLimit.Raise() / ManyServer.DescriptorsPerDevice;
        await using ManyServer one = await ManyServer.StartAsync(program, Path.Combine(folder, "one"), 1, isLean: false);
        ProcessFootprint alone = await IdleAsync(one, "1 device", null, 1);
        foreach (int count in Counts.Skip(1))
        {
            if (count <= fit)
            {
                await LevelAsync(one, alone, count, isLean: false);
                continue;
            }

            if (fit > Counts[^2])
            {
                await LevelAsync(one, alone, fit, isLean: false);
            }

            await LevelAsync(one, alone, count, isLean: true);
        }

        return new(
            "many",
            $"devices with {ManyServer.Ports} open ports each in one vmchannel serve, driver doubles; room for {fit} with all descriptors, lean beyond",
            "1 device",
            "many devices",
            _measures);
    }

    private async Task LevelAsync(ManyServer one, ProcessFootprint alone, int count, bool isLean)
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"{count} devices{(isLean ? ", lean" : "")}");
        await using ManyServer many = await ManyServer.StartAsync(program, Path.Combine(folder, $"many{count}"), count, isLean);
        _ = await IdleAsync(many, name, alone, count);
        Busy(one, many, $"{name}, {many.Busy.Count} busy, a turn each {Pace.TotalMilliseconds} ms", settings.RoundTrips / 4, Pace);
        Busy(one, many, $"{name}, {many.Busy.Count} busy, without a pause", settings.RoundTrips, TimeSpan.Zero);
    }

    private async Task<ProcessFootprint> IdleAsync(ManyServer server, string name, ProcessFootprint? alone, int count)
    {
        await Task.Delay(Settling);
        Dictionary<string, long> before = ThreadAccounts.Cpu(server.ProcessId);
        await Task.Delay(IdleTime);

        // Threads that have ended meanwhile, as the runtime's pool has some do, count no more.
        double busy = ThreadAccounts.Cpu(server.ProcessId).Sum(thread => thread.Value - before.GetValueOrDefault(thread.Key)) / 1e9;
        ProcessFootprint print = ProcessFootprint.Of(server.ProcessId);
        Add("memory of its own", "MiB", print.OwnKiB / 1024.0, alone?.OwnKiB / 1024.0);
        if (alone is not null)
        {
            Add("own memory per port beyond the first device", "KiB", (double)(print.OwnKiB - alone.OwnKiB) / (ManyServer.Ports * (count - 1)), null);
        }

        Add("guests' memory it has touched, per port", "KiB", (double)print.SharedKiB / (ManyServer.Ports * count), alone?.SharedKiB / (double)ManyServer.Ports);
        Add("descriptors", "", print.Descriptors, alone?.Descriptors);
        Add("threads", "", print.Threads, alone?.Threads);
        Add("CPU, idle", "%", busy / IdleTime.TotalSeconds * 100, null);
        return print;

        void Add(string what, string unit, double value, double? reference)
            => _measures.Add(new($"{name}, {what}", unit, new([value]), reference is double other ? new([other]) : null));
    }

    private void Busy(ManyServer one, ManyServer many, string name, int turns, TimeSpan pause)
    {
        if (!settings.Wants(name))
        {
            return;
        }

        _ = BusyDevice.PingPong(one.Busy, turns / 10, pause);
        _ = BusyDevice.PingPong(many.Busy, turns / 10, pause);
        (List<Series> lots, List<Series> few) = settings.InTurns<Series>(
            () => new(BusyDevice.PingPong(many.Busy, turns, pause)), () => new(BusyDevice.PingPong(one.Busy, turns, pause)));
        _measures.AddRange(Measure.Percentiles($"{name},", "µs", lots, few, 50, 99));
    }
}
