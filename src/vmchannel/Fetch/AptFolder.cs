using System.Globalization;
using System.Text;

namespace VmChannel.Cli.Fetch;

/// <summary>
/// A private apt: its own package lists, caches and empty package database in a folder of ours, so it needs no root and
/// never touches the machine's. Signatures and hashes are checked by apt as always; proxies come from the machine's settings.
/// </summary>
internal sealed class AptFolder(string folder, string suite, string mirror)
{
    private const string Keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

    private string ListsStamp => Path.Combine(folder, "updated");

    /// <summary>Downloads packages, and with <paramref name="withDependencies"/> all they need, into a folder.</summary>
    public async Task DownloadAsync(
        IReadOnlyList<string> packages, bool withDependencies, string target, CancellationToken cancellationToken)
    {
        await PrepareAsync(cancellationToken);
        bool fresh = false;
        if (!File.Exists(ListsStamp) || DateTime.UtcNow - File.GetLastWriteTimeUtc(ListsStamp) > TimeSpan.FromDays(1))
        {
            await UpdateAsync(cancellationToken);
            fresh = true;
        }

        ToolProcess download = await TryDownloadAsync(packages, withDependencies, target, cancellationToken);
        if (download.ExitCode != 0 && !fresh)
        {
            // The archive moved on since the lists were read: the old version's file is gone.
            await UpdateAsync(cancellationToken);
            download = await TryDownloadAsync(packages, withDependencies, target, cancellationToken);
        }

        if (download.ExitCode != 0)
        {
            throw new FetchException($"apt-get could not download {string.Join(", ", packages)} ({suite}) from {mirror}:\n{Complaint(download)}");
        }
    }

    private async Task<ToolProcess> TryDownloadAsync(
        IReadOnlyList<string> packages, bool withDependencies, string target, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(Path.Combine(target, "partial"));
        string[] command = withDependencies
            ? ["--download-only", "--yes", "--no-install-recommends", "-o", $"Dir::Cache::archives={target}", "install"]
            : ["download"];
        return await AptGetAsync([.. command, .. packages], target, cancellationToken);
    }

    private async Task UpdateAsync(CancellationToken cancellationToken)
    {
        ToolProcess update = await AptGetAsync(["-o", "APT::Update::Error-Mode=any", "update"], folder, cancellationToken);
        if (update.ExitCode != 0)
        {
            throw new FetchException(
                $"apt-get could not read Debian's package lists ({suite}) from {mirror}:\n{Complaint(update)}\n"
                + "Check the network; apt's own proxy settings (/etc/apt/apt.conf.d, http_proxy) apply here too.");
        }

        await File.WriteAllTextAsync(ListsStamp, "", cancellationToken);
    }

    private Task<ToolProcess> AptGetAsync(string[] arguments, string workingFolder, CancellationToken cancellationToken) =>
        ToolProcess.RunAsync(
            "apt-get", arguments, new Dictionary<string, string> { ["APT_CONFIG"] = Path.Combine(folder, "apt.conf") }, workingFolder, cancellationToken);

    private async Task PrepareAsync(CancellationToken cancellationToken)
    {
        if (!File.Exists(Keyring))
        {
            throw new FetchException(
                $"Debian's signing keys are missing ({Keyring}), so packages cannot be verified. Install the package debian-archive-keyring.");
        }

        Directory.CreateDirectory(Path.Combine(folder, "lists", "partial"));
        Directory.CreateDirectory(Path.Combine(folder, "archives", "partial"));
        await File.WriteAllTextAsync(Path.Combine(folder, "status"), "", cancellationToken);
        await File.WriteAllTextAsync(Path.Combine(folder, "sources.list"), SourcesOf(suite, mirror), cancellationToken);
        ToolProcess dump = await ToolProcess.RunAsync("apt-config", ["dump"], null, "/", cancellationToken);
        await File.WriteAllTextAsync(Path.Combine(folder, "apt.conf"), Configuration(dump.Output.Split('\n')), cancellationToken);
    }

    /// <summary>A backports suite needs the suite it builds on for its dependencies.</summary>
    public static string SourcesOf(string suite, string mirror)
    {
        const string Backports = "-backports";
        string line = $"deb [arch=amd64 signed-by={Keyring}] {mirror} {{0}} main\n";
        CompositeFormat format = CompositeFormat.Parse(line);
        string sources = string.Format(CultureInfo.InvariantCulture, format, suite);
        return suite.EndsWith(Backports, StringComparison.Ordinal)
            ? string.Format(CultureInfo.InvariantCulture, format, suite[..^Backports.Length]) + sources
            : sources;
    }

    /// <summary>The machine's ways to the network, and nothing else of its apt: no hooks, no pinning, no further indexes.</summary>
    private string Configuration(IEnumerable<string> machineSettings)
    {
        StringBuilder text = new();
        foreach (string setting in machineSettings)
        {
            bool isNetwork = setting.StartsWith("Acquire::", StringComparison.Ordinal)
                && !setting.StartsWith("Acquire::IndexTargets", StringComparison.Ordinal)
                && !setting.StartsWith("Acquire::Languages", StringComparison.Ordinal);
            if (isNetwork)
            {
                text.AppendLine(setting);
            }
        }

        text.AppendLine(CultureInfo.InvariantCulture, $$"""
            Acquire::Languages "none";
            Acquire::Retries "3";
            Acquire::http::Timeout "20";
            APT::Architecture "amd64";
            APT::Architectures { "amd64"; };
            APT::Default-Release "{{suite}}";
            APT::Sandbox::User "";
            Dir::State "{{folder}}";
            Dir::State::lists "{{folder}}/lists";
            Dir::State::status "{{folder}}/status";
            Dir::Cache "{{folder}}";
            Dir::Cache::pkgcache "";
            Dir::Cache::srcpkgcache "";
            Dir::Cache::archives "{{folder}}/archives";
            Dir::Etc::sourcelist "{{folder}}/sources.list";
            Dir::Etc::sourceparts "/dev/null";
            Dir::Etc::main "/dev/null";
            Dir::Etc::parts "/dev/null";
            Dir::Etc::preferences "/dev/null";
            Dir::Etc::preferencesparts "/dev/null";
            Dir::Log "{{folder}}";
            """);
        return text.ToString();
    }

    private static string Complaint(ToolProcess run)
    {
        string[] lines = $"{run.Errors}\n{run.Output}".Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        IEnumerable<string> complaints = lines.Where(line => line.StartsWith("E:", StringComparison.Ordinal) || line.StartsWith("Err:", StringComparison.Ordinal)
            || line.StartsWith("W:", StringComparison.Ordinal));
        string text = string.Join('\n', complaints.Take(6).Select(line => $"  {line}"));
        return text.Length == 0 ? string.Join('\n', lines.TakeLast(6).Select(line => $"  {line}")) : text;
    }
}
