namespace VmChannel.Bench.Guests;

/// <summary>What the processes of a rig used up, by whose work it is.</summary>
/// <param name="Device">CPU seconds of our device's process.</param>
/// <param name="Monitor">CPU seconds of QEMU's threads that are not virtual CPUs: its own devices live there, and so does what delivers interrupts.</param>
/// <param name="Processors">CPU seconds of the virtual CPUs: the guest, and what QEMU does on the guest's accesses to devices.</param>
/// <param name="Wakeups">Times a thread of the first two kinds went to sleep, and so was woken.</param>
internal readonly record struct ProcessUse(double Device, double Monitor, double Processors, long Wakeups)
{
    /// <summary>CPU seconds of the work a device makes outside the guest.</summary>
    public double Outside => Device + Monitor;

    public double Total => Device + Monitor + Processors;

    public static ProcessUse operator -(ProcessUse later, ProcessUse earlier) => new(
        later.Device - earlier.Device, later.Monitor - earlier.Monitor, later.Processors - earlier.Processors, later.Wakeups - earlier.Wakeups);
}

/// <summary>Reads the kernel's books on the processes of a rig, thread by thread.</summary>
/// <param name="devicePid">Our device's process.</param>
/// <param name="qemuPid">QEMU; null where the monitor is the guest's kernel itself and nothing can be told apart.</param>
internal sealed class ProcessAccount(int devicePid, int? qemuPid)
{
    // QEMU calls them "CPU 0/TCG".
    private const string ProcessorPrefix = "CPU ";

    public bool KnowsMonitor => qemuPid is not null;

    /// <summary>The processes by name.</summary>
    public IEnumerable<(string Name, int Id)> All => qemuPid is int monitor ? [("device", devicePid), ("QEMU", monitor)] : [("device", devicePid)];

    public ProcessUse Now()
    {
        double device = 0, monitor = 0, processors = 0;
        long wakeups = 0;
        foreach (string thread in Threads(devicePid))
        {
            device += Seconds(thread);
            wakeups += ThreadAccounts.Sleeps(thread);
        }

        foreach (string thread in qemuPid is int pid ? Threads(pid) : [])
        {
            if (ThreadAccounts.Name(thread).StartsWith(ProcessorPrefix, StringComparison.Ordinal))
            {
                processors += Seconds(thread);
            }
            else
            {
                monitor += Seconds(thread);
                wakeups += ThreadAccounts.Sleeps(thread);
            }
        }

        return new(device, monitor, processors, wakeups);
    }

    private static string[] Threads(int pid) => Directory.GetDirectories($"/proc/{pid}/task");

    private static double Seconds(string thread) => ThreadAccounts.CpuNanoseconds(thread) / 1e9;
}
