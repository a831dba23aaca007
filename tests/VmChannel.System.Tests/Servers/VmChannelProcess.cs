using System.Diagnostics;

namespace VmChannel.SystemTests.Servers;

/// <summary>The real executable, in a folder of its own. Killed at the end of a test if it still runs.</summary>
internal sealed class VmChannelProcess : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly string _runtime = Directory.CreateTempSubdirectory("vmt").FullName;
    private readonly Process _process;
    private readonly Task<string> _output;
    private readonly Task<string> _error;

    public VmChannelProcess(string folder, IReadOnlyList<string> arguments, params (string Name, string Value)[] environment)
    {
        ProcessStartInfo start = new(Executable())
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment["XDG_RUNTIME_DIR"] = _runtime;
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        _process = Process.Start(start)!;
        _output = _process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        _error = _process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
    }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>Asks it to stop, as a service manager does.</summary>
    public void Terminate() => Signal("TERM");

    /// <summary>Asks it to read its file again.</summary>
    public void HangUp() => Signal("HUP");

    public async Task<(int Code, string Output, string Error)> EndAsync()
    {
        await _process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(Patience, TestContext.Current.CancellationToken);
        return (_process.ExitCode, await _output, await _error);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
        Directory.Delete(_runtime, recursive: true);
    }

    private void Signal(string name)
    {
        using Process kill = Process.Start("kill", [$"-{name}", Id.ToString(global::System.Globalization.CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    private static string Executable()
    {
        if (Environment.GetEnvironmentVariable("VMCHANNEL") is string chosen)
        {
            return chosen;
        }

        DirectoryInfo folder = new(AppContext.BaseDirectory);
        string configuration = folder.FullName.Contains("/Release/", StringComparison.Ordinal) ? "Release" : "Debug";
        while (!File.Exists(Path.Combine(folder.FullName, "VmChannel.slnx")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException("not inside the source tree: set VMCHANNEL to the executable");
        }

        return Path.Combine(folder.FullName, "src", "vmchannel", "bin", configuration, "net10.0", "vmchannel");
    }
}
