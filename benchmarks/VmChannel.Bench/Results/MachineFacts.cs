using System.Globalization;
using VmChannel.Cli.Fetch;

namespace VmChannel.Bench.Results;

/// <summary>Where and of what figures were taken: without it they mean nothing.</summary>
internal sealed record MachineFacts(string Commit, string Processor, int Cpus, string Kernel, double LoadBefore)
{
    public static async Task<MachineFacts> ReadAsync(CancellationToken cancellationToken)
    {
        string load = (await File.ReadAllTextAsync("/proc/loadavg", cancellationToken)).Split(' ')[0];
        string kernel = (await File.ReadAllTextAsync("/proc/sys/kernel/osrelease", cancellationToken)).Trim();
        string[] processor = await File.ReadAllLinesAsync("/proc/cpuinfo", cancellationToken);
        string model = processor.FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim() ?? "unknown";
        return new(
            await CommitAsync(cancellationToken), model, Environment.ProcessorCount, kernel, double.Parse(load, CultureInfo.InvariantCulture));
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"commit {Commit}; {Cpus} CPUs ({Processor}), Linux {Kernel}, load {LoadBefore:F1} before the first run");

    private static async Task<string> CommitAsync(CancellationToken cancellationToken)
    {
        try
        {
            ToolProcess git = await ToolProcess.RunAsync(
                "git", ["describe", "--always", "--dirty"], null, AppContext.BaseDirectory, cancellationToken);
            return git.ExitCode == 0 ? git.Output.Trim() : "unknown";
        }
        catch (FetchException)
        {
            return "unknown"; // no git here, or no repository
        }
    }
}
