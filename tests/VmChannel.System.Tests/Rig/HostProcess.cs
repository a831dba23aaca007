using System.Diagnostics;
using System.Globalization;
using VmChannel.Native;

namespace VmChannel.SystemTests.Rig;

/// <summary>A process of the test, leader of its own session, which dies with the test whatever happens to that.</summary>
internal sealed class HostProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Task _output;

    private HostProcess(Process process, string name, bool keepsOutput)
    {
        _process = process;
        Name = name;
        Output = new(name);
        Errors = new(name);
        Task errors = Errors.FillAsync(process.StandardError);
        _output = keepsOutput ? Task.WhenAll(errors, Output.FillAsync(process.StandardOutput)) : errors;
        Ended = EndAsync();
    }

    public string Name { get; }

    public int Id => _process.Id;

    /// <summary>Standard output, unless the test reads <see cref="OutputStream"/> itself.</summary>
    public Lines Output { get; }

    public Lines Errors { get; }

    public Stream Input => _process.StandardInput.BaseStream;

    public Stream OutputStream => _process.StandardOutput.BaseStream;

    /// <summary>Exit code once it has ended and all its output is here: 128 + the signal that killed it.</summary>
    public Task<int> Ended { get; }

    /// <param name="command">Program and arguments.</param>
    /// <param name="setup">Changes to its environment or folder.</param>
    /// <param name="terminal">A terminal for its standard input and output, and its controlling one.</param>
    /// <param name="keepsOutput">False: the caller reads standard output.</param>
    public static HostProcess Start(
        IReadOnlyList<string> command, Action<ProcessStartInfo>? setup = null, string? terminal = null, bool keepsOutput = true)
    {
        // The first terminal that a session's leader opens becomes the controlling one.
        string[] onTerminal = terminal is null ? [] : ["bash", "-c", "exec \"$@\" <>\"$0\" >&0", terminal];
        ProcessStartInfo start = new("setsid", ["setpriv", "--pdeathsig", "KILL", "--", .. onTerminal, .. command])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        setup?.Invoke(start);

        // "Die with your parent" means the thread that started it: one that lives as long as the child.
        TaskCompletionSource<Process> started = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Thread keeper = new(() =>
        {
            try
            {
                Process process = Process.Start(start)!;
                started.SetResult(process);
                process.WaitForExit();
            }
            catch (Exception fault)
            {
                started.TrySetException(fault);
            }
        })
        {
            IsBackground = true,
        };
        keeper.Start();
        Process leader = started.Task.GetAwaiter().GetResult();
        WaitForSession(leader.Id);
        return new(leader, Path.GetFileName(command[0]), keepsOutput);
    }

    /// <summary>Runs a program to its end.</summary>
    public static async Task<HostProcess> RunAsync(params IReadOnlyList<string> command)
    {
        HostProcess process = Start(command);
        process.Input.Close();
        _ = await process.Ended.WaitAsync(Patience.Short);
        return process;
    }

    /// <summary>Sends a signal to it and to the children that share its session.</summary>
    public void Signal(PosixSignalNumber signal) => _ = ChildProcess.SignalGroup(Id, (int)signal);

    /// <summary>Processor time it has used so far, in clock ticks (proc(5): utime and stime).</summary>
    public long ProcessorTicks()
    {
        string[] fields = Stat(Id);
        return long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture);
    }

    /// <summary>Waits until none of its threads has run for a moment.</summary>
    public async Task UntilAsleepAsync()
    {
        string last = "";
        using CancellationTokenSource limit = new(Patience.Short);
        for (string now = Runs(); now != last; now = Runs())
        {
            last = now;
            await Task.Delay(200, limit.Token);
        }

        // How long each has run, in ns (the kernel's Documentation/scheduler/sched-stats.rst).
        string Runs() => string.Concat(Directory.GetDirectories($"/proc/{Id}/task").Order(StringComparer.Ordinal).Select(
            thread => File.Exists(thread + "/schedstat") ? $"{thread} {File.ReadAllText(thread + "/schedstat").Split(' ')[0]}\n" : ""));
    }

    /// <summary>Who has started a process, or has it now; null when it has ended.</summary>
    public static int? ParentOf(int id)
    {
        try
        {
            return int.Parse(Stat(id)[1], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        Signal(PosixSignalNumber.Kill);
        _ = await Ended;
        _process.Dispose();
    }

    /// <summary>Until setsid(1) has made the session, there is no group of that number, and a signal to it, such as the one at the end of a test, goes nowhere.</summary>
    private static void WaitForSession(int id)
    {
        SpinWait.SpinUntil(() =>
        {
            try
            {
                return Stat(id) is [string state, _, _, string session, ..] && (state == "Z" || session == id.ToString(CultureInfo.InvariantCulture));
            }
            catch (IOException)
            {
                return true; // it has ended already
            }
        });
    }

    /// <summary>Fields of proc(5)'s stat from the third on: state, parent, group, session, and so on.</summary>
    private static string[] Stat(int id)
    {
        string stat = File.ReadAllText($"/proc/{id}/stat");
        return stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
    }

    private async Task<int> EndAsync()
    {
        await _process.WaitForExitAsync();
        await _output;
        return _process.ExitCode;
    }
}
