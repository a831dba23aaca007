using VmChannel.Cli.Fetch;

namespace VmChannel.Cli.Run;

/// <summary>
/// The fence around a guest's monitor: its own namespaces with the host's files read-only. Its first words become those of
/// every command. Where namespaces are not allowed the command still dies with us, and the caller says what is missing.
/// </summary>
internal sealed class Sandbox
{
    private readonly string? _bubblewrap;
    private readonly string? _libraries;

    private Sandbox(string? bubblewrap, string? libraries, string? missing)
    {
        _bubblewrap = bubblewrap;
        _libraries = libraries;
        Missing = missing;
    }

    /// <summary>Why there is no fence, for people; null when there is one.</summary>
    public string? Missing { get; }

    /// <summary>Finds bubblewrap, here or in the cache, and tries it.</summary>
    public static async Task<Sandbox> FindAsync(PackageStore store, CancellationToken cancellationToken)
    {
        string? installed = InPath("bwrap");
        if (installed is not null)
        {
            return await TryAsync(installed, libraries: null, cancellationToken);
        }

        try
        {
            string root = Path.Combine(await store.GetAsync(PackageSets.Bubblewrap, cancellationToken), "root");
            return await TryAsync($"{root}/usr/bin/bwrap", $"{root}/lib/x86_64-linux-gnu:{root}/usr/lib/x86_64-linux-gnu", cancellationToken);
        }
        catch (FetchException error)
        {
            return new(null, null, $"bubblewrap is not here and could not be fetched ({error.Message})");
        }
    }

    /// <summary>A sandbox with this bubblewrap, not tried out; null for none.</summary>
    public static Sandbox With(string? bubblewrap) => new(bubblewrap, null, bubblewrap is null ? "none was asked for" : null);

    public IReadOnlyDictionary<string, string> Environment
    {
        get
        {
            Dictionary<string, string> environment = [];
            if (_libraries is not null)
            {
                environment["LD_LIBRARY_PATH"] = _libraries;
            }

            if (_bubblewrap is null)
            {
                environment["TMPDIR"] = MemoryFolder(File.ReadLines("/proc/self/mounts"));
            }

            return environment;
        }
    }

    /// <summary>Where UML may keep guest memory: in memory if it can, but a container's /dev/shm often forbids code.</summary>
    public static string MemoryFolder(IEnumerable<string> mounts)
    {
        const string Shared = "/dev/shm";
        string[]? mount = mounts.Select(line => line.Split(' ')).LastOrDefault(fields => fields.Length > 3 && fields[1] == Shared);
        return mount is not null && mount[2] == "tmpfs" && !mount[3].Split(',').Any(option => option is "noexec" or "ro") ? Shared : "/tmp";
    }

    /// <summary>Puts the fence around a command.</summary>
    /// <param name="command">What runs inside.</param>
    /// <param name="readable">Paths it needs that may lie below /tmp.</param>
    /// <param name="writable">Paths it may write to.</param>
    public IReadOnlyList<string> Around(IReadOnlyList<string> command, IEnumerable<string> readable, IEnumerable<string> writable)
    {
        // Of its own session, so that the terminal's Ctrl-C goes to the guest through us and not to its monitor.
        List<string> words = ["setsid"];
        if (_bubblewrap is null)
        {
            words.AddRange(["setpriv", "--pdeathsig", "KILL", "--", .. command]);
            return words;
        }

        words.AddRange([_bubblewrap, "--unshare-all", "--die-with-parent", "--unsetenv", "LD_LIBRARY_PATH"]);
        words.AddRange(["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--tmpfs", "/run", "--setenv", "TMPDIR", "/tmp"]);
        foreach (string path in readable)
        {
            words.AddRange(["--ro-bind", path, path]);
        }

        foreach (string path in writable)
        {
            words.AddRange(["--bind", path, path]);
        }

        words.AddRange(["--", .. command]);
        return words;
    }

    private static async Task<Sandbox> TryAsync(string bubblewrap, string? libraries, CancellationToken cancellationToken)
    {
        Sandbox sandbox = new(bubblewrap, libraries, missing: null);
        IReadOnlyList<string> trial = sandbox.Around(["/bin/true"], [], []);
        ToolProcess run = await ToolProcess.RunAsync(trial[0], trial.Skip(1), sandbox.Environment, "/", cancellationToken);
        return run.ExitCode == 0 ? sandbox : new(null, null, $"bubblewrap cannot make namespaces on this machine ({run.Errors.Trim()})");
    }

    private static string? InPath(string program) =>
        (System.Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, program))
            .FirstOrDefault(File.Exists);
}
