using System.Globalization;

namespace VmChannel.Bench.Many;

/// <summary>What a process occupies now, by <c>/proc/PID</c>.</summary>
/// <param name="OwnKiB">Memory in RAM that is its own: heap, stacks, and its executable.</param>
/// <param name="SharedKiB">Memory in RAM that it shares with others: of guests, as far as it has touched that.</param>
/// <param name="Threads">Threads.</param>
/// <param name="Descriptors">Open file descriptors.</param>
internal sealed record ProcessFootprint(long OwnKiB, long SharedKiB, int Threads, int Descriptors)
{
    public static ProcessFootprint Of(int process)
    {
        string[] status = File.ReadAllLines($"/proc/{process}/status");
        return new(
            Number(status, "RssAnon:") + Number(status, "RssFile:"),
            Number(status, "RssShmem:"),
            (int)Number(status, "Threads:"),
            Directory.GetFileSystemEntries($"/proc/{process}/fd").Length);
    }

    private static long Number(string[] lines, string key)
        => long.Parse(
            Array.Find(lines, line => line.StartsWith(key, StringComparison.Ordinal))![key.Length..].Replace("kB", "", StringComparison.Ordinal),
            CultureInfo.InvariantCulture);
}
