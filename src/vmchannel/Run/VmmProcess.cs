using System.Diagnostics;

namespace VmChannel.Cli.Run;

/// <summary>The running virtual machine monitor, with the guest's kernel messages on its output.</summary>
internal sealed class VmmProcess : IAsyncDisposable
{
    private readonly TaskCompletionSource<Process> _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<int> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private VmmProcess(ProcessStartInfo start)
    {
        // A thread of its own that lives as long as the monitor: "die with your parent" means the thread that started it.
        Thread keeper = new(() => Keep(start)) { IsBackground = true, Name = "monitor" };
        keeper.Start();
    }

    public LogTail Log { get; } = new();

    /// <summary>Completes when it has ended, with its exit code.</summary>
    public Task<int> Ended => _ended.Task;

    public int Id { get; private set; }

    /// <exception cref="RunException">It cannot be started.</exception>
    public static async Task<VmmProcess> StartAsync(IReadOnlyList<string> command, IReadOnlyDictionary<string, string> environment)
    {
        ProcessStartInfo start = new(command[0], command.Skip(1))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/",
        };
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        VmmProcess monitor = new(start);
        Process process = await monitor._started.Task;
        monitor.Id = process.Id;
        return monitor;
    }

    /// <summary>Gives a guest that is powering off this long, then ends it.</summary>
    public async Task StopAsync(TimeSpan patience)
    {
        Process process = await _started.Task;
        if (await Task.WhenAny(Ended, Task.Delay(patience)) != Ended)
        {
            process.Kill(entireProcessTree: true);
            await Ended;
        }
    }

    public async ValueTask DisposeAsync() => await StopAsync(TimeSpan.Zero);

    private void Keep(ProcessStartInfo start)
    {
        try
        {
            using Process process = Process.Start(start)!;
            process.StandardInput.Close();
            Task output = Log.DrainAsync(process.StandardOutput.BaseStream);
            Task errors = Log.DrainAsync(process.StandardError.BaseStream);
            _started.SetResult(process);
            process.WaitForExit();
            Task.WaitAll([output, errors], TimeSpan.FromSeconds(1));
            _ended.SetResult(process.ExitCode);
        }
        catch (Exception error)
        {
            RunException failure = new($"cannot start {start.FileName}: {error.Message}");
            _started.TrySetException(failure);
            _ended.TrySetException(failure);
        }
    }
}
