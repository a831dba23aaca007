using System.Diagnostics;
using System.Globalization;
using VmChannel.Bench.Alone;
using VmChannel.Bench.Many;
using VmChannel.Bench.Results;
using VmChannel.Native;

namespace VmChannel.Bench.Start;

/// <summary>How soon the executable is there, and what it occupies when nothing happens.</summary>
internal sealed class StartScenario(BenchSettings settings, string program, string folder)
{
    /// <summary>A start is short, and its time depends on much.</summary>
    private const int MoreRuns = 4;

    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    public Section Run()
    {
        List<double> listening = [], own = [], threads = [], version = [], nothing = [];
        _ = Served(0);
        for (int run = 1; run <= settings.Runs * MoreRuns; run++)
        {
            nothing.Add(Ended("true"));
            (double milliseconds, ProcessFootprint print) = Served(run);
            listening.Add(milliseconds);
            own.Add(print.OwnKiB / 1024.0);
            threads.Add(print.Threads);
            version.Add(Ended(program, "--version"));
        }

        return new(
            "start",
            "the executable, from exec on; against a program that does nothing (true) and ends",
            "true",
            "vmchannel",
            [
                new("serve, 2 ports: until it listens", "ms", new(listening), new(nothing)),
                new("serve, 2 ports: idle, memory of its own", "MiB", new(own)),
                new("serve, 2 ports: idle, threads", "", new(threads)),
                new("--version: until it has ended", "ms", new(version), new(nothing)),
            ]);
    }

    /// <summary>Milliseconds until a front-end can connect, and what the process is a moment later.</summary>
    private (double Milliseconds, ProcessFootprint Print) Served(int run)
    {
        string place = Path.Combine(folder, run.ToString(CultureInfo.InvariantCulture));
        _ = Directory.CreateDirectory(place);
        UnixAddress device = Sockets.Address(place, "device.sock");
        long started = Stopwatch.GetTimestamp();
        using Process server = Begin(
            program, "serve", "--quiet", "--vhost-user", device.Name, "--control", Path.Combine(place, "control.sock"),
            "-virtioserial", $"protocol=org.vmchannel.bench.1,char=unix:{place}/1.sock,server=on,wait=off",
            "-virtioserial", $"protocol=org.vmchannel.bench.2,char=unix:{place}/2.sock,server=on,wait=off");
        try
        {
            FileDescriptor? socket;
            while (!StreamSocket.Connect(device, out socket).IsSuccess)
            {
                if (server.HasExited || Stopwatch.GetElapsedTime(started) > Patience)
                {
                    throw new BenchException($"nobody listened on {device} within {Patience.TotalSeconds} s");
                }

                _ = Thread.Yield();
            }

            double milliseconds = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
            socket!.Dispose();
            _ = Poll.Wait([], Settling);
            return (milliseconds, ProcessFootprint.Of(server.Id));
        }
        finally
        {
            server.Kill();
            server.WaitForExit();
        }
    }

    private static double Ended(string file, params string[] arguments)
    {
        long started = Stopwatch.GetTimestamp();
        using Process process = Begin(file, arguments);
        process.WaitForExit();
        return Stopwatch.GetElapsedTime(started).TotalMilliseconds;
    }

    private static Process Begin(string file, params string[] arguments)
        => Process.Start(new ProcessStartInfo(file, arguments) { RedirectStandardOutput = true }) ?? throw new BenchException($"{file} cannot be started");
}
