using System.Text;

namespace VmChannel.SystemTests.Rig;

/// <summary>The published <c>vmchannel run</c>, with a place of its own for its temporary files.</summary>
internal sealed class RunProcess : IAsyncDisposable
{
    private readonly string _runtime = Directory.CreateTempSubdirectory("vmt").FullName;

    private RunProcess(string? terminal, bool keepsOutput, string[] words) =>
        Process = HostProcess.Start(
            [Executables.VmChannel, "run", .. words], start => start.Environment["XDG_RUNTIME_DIR"] = _runtime, terminal, keepsOutput);

    public HostProcess Process { get; }

    public static RunProcess Start(params string[] words) => new(null, keepsOutput: true, words);

    public static RunProcess StartOnTerminal(string terminal, params string[] words) => new(terminal, keepsOutput: true, words);

    /// <summary>The test reads standard output itself.</summary>
    public static RunProcess StartForBytes(params string[] words) => new(null, keepsOutput: false, words);

    /// <summary>Waits for its end.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> EndAsync() => await Process.Ended.WaitAsync(Patience.Long);

    /// <summary>Processes of this run, by what they were started with: its monitor, and whatever is around that.</summary>
    public (int Id, string CommandLine)[] Processes() =>
    [
        .. Directory.GetDirectories("/proc")
            .Select(path => Path.GetFileName(path))
            .Where(name => char.IsAsciiDigit(name[0]))
            .Select(name => (int.Parse(name, System.Globalization.CultureInfo.InvariantCulture), CommandLineOf(name)))
            .Where(process => process.Item2.Contains(_runtime, StringComparison.Ordinal)),
    ];

    /// <summary>Waits until no process and no file of the run is left.</summary>
    public Task ExpectNothingLeftAsync() => Patience.UntilAsync(
        () => Processes().Length == 0 && Directory.GetFileSystemEntries(_runtime).Length == 0,
        () => $"left: {string.Join(", ", Processes())} {string.Join(", ", Directory.GetFileSystemEntries(_runtime))}");

    public async ValueTask DisposeAsync()
    {
        await Process.DisposeAsync();
        TestContext.Current.TestOutputHelper?.WriteLine($"--- run ---\n{Process.Output}\n{Process.Errors}");
        try
        {
            await ExpectNothingLeftAsync();
        }
        finally
        {
            Directory.Delete(_runtime, recursive: true);
        }
    }

    private static string CommandLineOf(string process)
    {
        try
        {
            return Encoding.UTF8.GetString(File.ReadAllBytes($"/proc/{process}/cmdline")).Replace('\0', ' ');
        }
        catch (IOException)
        {
            return ""; // it has ended
        }
    }
}
