using System.Diagnostics;
using System.Globalization;

namespace VmChannel.Bench;

/// <summary>The kernel's books on one thread, below <c>/proc/PID/task/TID</c>.</summary>
internal static class ThreadAccounts
{
    /// <summary>Folder of the calling thread.</summary>
    public static string OfThisThread() => Path.Combine("/proc", new FileInfo("/proc/thread-self").LinkTarget!);

    /// <summary>Gives the calling thread the lowest priority.</summary>
    public static void YieldToOthers()
    {
        using Process renice = Process.Start(new ProcessStartInfo("renice", ["-n", "19", "-p", Path.GetFileName(OfThisThread())]) { RedirectStandardOutput = true })
            ?? throw new BenchException("renice cannot be started");
        renice.WaitForExit();
    }

    /// <summary>Time on a CPU. From <c>schedstat</c>, which counts nanoseconds where <c>stat</c> counts ticks of 10 ms.</summary>
    public static long CpuNanoseconds(string folder)
        => long.Parse(File.ReadAllText(Path.Combine(folder, "schedstat")).Split(' ')[0], CultureInfo.InvariantCulture);

    /// <summary>The same of all threads of a process that are there now, in nanoseconds by thread.</summary>
    public static Dictionary<string, long> Cpu(int process)
        => Directory.GetDirectories($"/proc/{process}/task").ToDictionary(thread => thread, CpuNanoseconds);

    /// <summary>System calls of the read and write families, reads of these books not included when another thread makes them.</summary>
    public static long Transfers(string folder)
        => File.ReadLines(Path.Combine(folder, "io"))
            .Where(line => line.StartsWith("syscr:", StringComparison.Ordinal) || line.StartsWith("syscw:", StringComparison.Ordinal))
            .Sum(line => long.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture));

    /// <summary>Times the thread went to sleep of its own accord.</summary>
    public static long Sleeps(string folder)
        => File.ReadLines(Path.Combine(folder, "status"))
            .Where(line => line.StartsWith("voluntary_ctxt_switches:", StringComparison.Ordinal))
            .Sum(line => long.Parse(line.Split(':')[1], CultureInfo.InvariantCulture));

    /// <summary>The thread's name, as its program set it.</summary>
    public static string Name(string folder) => File.ReadAllText(Path.Combine(folder, "comm")).Trim();
}
