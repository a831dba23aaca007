using System.Diagnostics;
using System.Globalization;

namespace VmChannel.Bench.Guests;

/// <summary>System calls of a process by name, counted with <c>perf stat</c> while something runs.</summary>
internal sealed class CallCounts : IDisposable
{
    public const string All = "all";

    private const string Prefix = "syscalls:sys_enter_";
    private const string AllEvents = "raw_syscalls:sys_enter";

    /// <summary>What our process and QEMU's make; others are in <see cref="All"/> only.</summary>
    private static readonly string[] Names =
        ["epoll_wait", "epoll_ctl", "ppoll", "poll", "read", "readv", "recvmsg", "recvfrom", "write", "writev", "sendmsg", "sendto", "futex", "sched_yield"];

    private readonly Process _perf;

    private CallCounts(Process perf) => _perf = perf;

    /// <summary>Begins to count.</summary>
    /// <exception cref="BenchException">There is no perf, or it may not count system calls.</exception>
    public static CallCounts Start(int pid)
    {
        string events = string.Join(',', Names.Select(name => Prefix + name).Prepend(AllEvents));
        ProcessStartInfo start = new("perf", ["stat", "-x;", "-D", "-1", "--control", "fd:0,1", "-e", events, "-p", $"{pid}"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        try
        {
            Process perf = Process.Start(start)!;
            perf.StandardInput.AutoFlush = true;
            perf.StandardInput.Write("enable\n");
            return perf.StandardOutput.ReadLine() is null ? throw Refused(perf.StandardError.ReadToEnd()) : new CallCounts(perf);
        }
        catch (Exception error) when (error is System.ComponentModel.Win32Exception or IOException)
        {
            throw Refused(error.Message);
        }
    }

    /// <summary>Ends the counting. Calls by name, those that were made.</summary>
    public Dictionary<string, long> Stop()
    {
        using Process interrupt = Process.Start("kill", ["-INT", $"{_perf.Id}"]);
        string output = _perf.StandardError.ReadToEnd();
        _perf.WaitForExit();
        Dictionary<string, long> counts = [];
        foreach (string[] fields in output.Split('\n').Select(line => line.Split(';')).Where(fields => fields.Length > 2))
        {
            string name = fields[2] == AllEvents ? All : fields[2].Replace(Prefix, "", StringComparison.Ordinal);
            if (long.TryParse(fields[0], CultureInfo.InvariantCulture, out long count) && count > 0)
            {
                counts[name] = count;
            }
        }

        return counts;
    }

    public void Dispose() => _perf.Dispose();

    private static BenchException Refused(string why)
        => new($"--profile counts system calls with perf, which says: {why.Trim()}\n(root may; others where kernel.perf_event_paranoid is -1)");
}
