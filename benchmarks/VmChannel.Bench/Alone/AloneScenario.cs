using System.Diagnostics;
using VmChannel.Bench.Results;

namespace VmChannel.Bench.Alone;

/// <summary>The device alone, against what this machine does without one.</summary>
internal sealed class AloneScenario(BenchSettings settings, string folder) : IDisposable
{
    private const int Block = 32 * 1024;
    private const double MiB = 1 << 20;

    private readonly AloneDevice _device = new(folder);
    private readonly RawSocket _raw = new();
    private readonly List<Measure> _measures = [];

    public Section Run()
    {
        Streams("guest→host 32 KiB", FromGuest, memory: true);
        Streams("host→guest 32 KiB", ToGuest, memory: false);
        RoundTrips();
        Messages("1 byte, null", 1, toUnix: false);
        Messages("64 bytes, null", 64, toUnix: false);
        Messages("64 bytes, unix", 64, toUnix: true);
        return new("device", "the device alone, driver double in the same process, against raw unix sockets and memcpy", "reference", "vmchannel", _measures);
    }

    public void Dispose()
    {
        _device.Dispose();
        _raw.Dispose();
    }

    private double FromGuest(long bytes)
        => Pair.Seconds(() => _device.Driver.Send(_device.ToUnix, bytes, Block), () => _device.Peer.Receive(bytes));

    private double ToGuest(long bytes)
        => Pair.Seconds(() => _device.Peer.Send(bytes, Block), () => _device.Driver.Receive(_device.FromUnix, bytes));

    private void Streams(string name, Func<long, double> run, bool memory)
    {
        if (!settings.Wants(name))
        {
            return;
        }

        long bytes = settings.Calibrate(run);
        List<double> ours = [], raw = [], copies = [], calls = [], waits = [];
        foreach (bool oursFirst in settings.Order())
        {
            if (!oursFirst)
            {
                raw.Add(bytes / MiB / _raw.Stream(bytes, Block));
            }

            LoopUse before = _device.Use();
            ours.Add(bytes / MiB / run(bytes));
            LoopUse use = _device.Use() - before;
            calls.Add((use.Transfers + use.Waits) / (bytes / MiB));
            waits.Add(use.Waits / (bytes / MiB));
            copies.Add(memory ? MemoryCopy.MiBPerSecond(bytes, Block) : 0);
            if (oursFirst)
            {
                raw.Add(bytes / MiB / _raw.Stream(bytes, Block));
            }
        }

        _measures.Add(new($"{name}, reference: unix stream", "MiB/s", new(ours), new(raw)));
        if (memory)
        {
            _measures.Add(new($"{name}, reference: memcpy", "MiB/s", new(ours), new(copies)));
        }

        _measures.Add(new($"{name}, system calls of the loop", "per MiB", new(calls)));
        _measures.Add(new($"{name}, wake-ups of the loop", "per MiB", new(waits)));
    }

    private void RoundTrips()
    {
        if (!settings.Wants("round trip 1 byte"))
        {
            return;
        }

        int count = settings.RoundTrips;
        _ = PingPong(count / 10);
        List<double> median = [], tail = [], rawMedian = [], rawTail = [], calls = [], waits = [];
        foreach (bool oursFirst in settings.Order())
        {
            Series? raw = oursFirst ? null : new(_raw.PingPong(count));
            LoopUse before = _device.Use();
            Series ours = new(PingPong(count));
            LoopUse use = _device.Use() - before;
            raw ??= new(_raw.PingPong(count));
            median.Add(ours.Median);
            tail.Add(ours.Percentile(0.99));
            rawMedian.Add(raw.Median);
            rawTail.Add(raw.Percentile(0.99));
            calls.Add((double)(use.Transfers + use.Waits) / count);
            waits.Add((double)use.Waits / count);
        }

        _measures.Add(new("round trip 1 byte p50, reference: unix socket", "µs", new(median), new(rawMedian)));
        _measures.Add(new("round trip 1 byte p99, reference: unix socket", "µs", new(tail), new(rawTail)));
        _measures.Add(new("round trip, system calls of the loop", "each", new(calls)));
        _measures.Add(new("round trip, wake-ups of the loop", "each", new(waits)));
    }

    private double[] PingPong(int count) => _device.Driver.PingPong(AloneDevice.UnixPort, count, _device.Peer);

    private void Messages(string name, int size, bool toUnix)
    {
        if (!settings.Wants($"messages of {name}"))
        {
            return;
        }

        DriverRing ring = toUnix ? _device.ToUnix : _device.ToNull;
        long bytes = settings.Calibrate(Run) / size * size;
        double messages = (double)bytes / size;
        List<double> rate = [], cpu = [], allocated = [], calls = [];
        foreach (bool _ in settings.Order())
        {
            LoopUse before = _device.Use();
            rate.Add(messages / Run(bytes) / 1e6);
            LoopUse use = _device.Use() - before;
            cpu.Add(use.CpuNanoseconds / messages);
            allocated.Add(use.AllocatedBytes / messages);
            calls.Add((use.Transfers + use.Waits) / messages);
        }

        _measures.Add(new($"messages of {name}", "M/s", new(rate)));
        _measures.Add(new($"messages of {name}, CPU of the loop", "ns each", new(cpu)));
        _measures.Add(new($"messages of {name}, allocated", "B each", new(allocated)));
        _measures.Add(new($"messages of {name}, system calls of the loop", "each", new(calls)));

        double Run(long count)
        {
            if (toUnix)
            {
                return Pair.Seconds(() => _device.Driver.Send(ring, count, size), () => _device.Peer.Receive(count));
            }

            long started = Stopwatch.GetTimestamp();
            _device.Driver.Send(ring, count, size);
            GuestDriver.Finish(ring);
            return Stopwatch.GetElapsedTime(started).TotalSeconds;
        }
    }
}
