using VmChannel.Native;
using VmChannel.Wire;

namespace VmChannel.GuestTool.Init;

/// <summary>Finds and starts the program the host asked for.</summary>
internal static class Command
{
    private const string DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    private const string DefaultShell = "/bin/sh";

    /// <summary>Starts it.</summary>
    /// <param name="command">What the host asked for.</param>
    /// <param name="streams">Its terminal or its three descriptors; the program and its arguments are filled in here.</param>
    /// <param name="failure">What to tell the host when it did not start.</param>
    /// <returns>Its process id, or 0.</returns>
    public static int Start(RunCommand command, ChildSpec streams, out RunExit? failure)
    {
        failure = null;
        if (!Directory.Exists(command.Cwd))
        {
            failure = new(125, $"{command.Cwd}: no such folder in the guest");
            return 0;
        }

        IReadOnlyList<string> argv = command.Argv.Count > 0 ? command.Argv
            : [command.Env.TryGetValue("SHELL", out string? shell) && shell.Length > 0 ? shell : DefaultShell];
        ChildSpec spec = streams with
        {
            Argv = argv,
            Env = [.. command.Env.Select(pair => $"{pair.Key}={pair.Value}")],
            Folder = command.Cwd,
            Uid = command.Uid,
            Gid = command.Gid,
        };
        Errno worst = Errno.NotFound;
        foreach (string path in Candidates(argv[0], command))
        {
            PosixResult started = Try(spec with { Path = path });
            if (started.IsSuccess)
            {
                return (int)started.Value;
            }

            // As execvp(3): a file that may not be run is remembered, the search goes on; anything else ends it.
            worst = started.Error == Errno.NotFound ? worst : started.Error;
            if (started.Error is not (Errno.NotFound or Errno.NotFolder or Errno.AccessDenied))
            {
                break;
            }
        }

        failure = Explain(argv[0], worst, Candidates(argv[0], command).Any(File.Exists));
        return 0;
    }

    private static PosixResult Try(ChildSpec spec)
    {
        PosixResult started = ChildProcess.Start(spec);

        // A script without "#!" is the shell's, also as execvp(3).
        return started.Error == Errno.ExecFormat
            ? ChildProcess.Start(spec with { Path = DefaultShell, Argv = [DefaultShell, spec.Path, .. spec.Argv.Skip(1)] })
            : started;
    }

    private static IEnumerable<string> Candidates(string program, RunCommand command)
    {
        if (program.Contains('/', StringComparison.Ordinal))
        {
            return [Path.Combine(command.Cwd, program)];
        }

        string path = command.Env.TryGetValue("PATH", out string? given) ? given : DefaultPath;
        return path.Split(':').Select(folder => Path.Combine(command.Cwd, folder, program));
    }

    private static RunExit Explain(string program, Errno error, bool exists) => error switch
    {
        Errno.NotFound when exists => new(126, $"{program}: cannot run: its interpreter is not in the guest"),
        Errno.NotFound or Errno.NotFolder => new(127, $"{program}: command not found in the guest"),
        Errno.AccessDenied => new(126, $"{program}: permission denied in the guest"),
        _ => new(126, $"{program}: cannot run: {new PosixResult(-1, error).Message}"),
    };
}
