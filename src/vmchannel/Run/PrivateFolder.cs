using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;

namespace VmChannel.Cli.Run;

/// <summary>
/// A folder of one run, for its sockets, readable by its user only. A small shell waits for this process to end, however it
/// ends, and then removes the folder and what is left of the guest; so kill -9 leaves nothing behind either.
/// </summary>
internal sealed class PrivateFolder : IDisposable
{
    private const string Prefix = "vmchannel-run-";
    private const string LockName = "lock";

    // Each line it reads is the process group to end (none: empty). The end of its input is the end of this process, whose
    // terminal may still be raw.
    private const string SweeperScript =
        """
        [ -n "$2" ] && mode=$(stty -g <"$2")
        echo
        while read -r line; do group=$line; done
        [ -n "$group" ] && kill -s KILL -- "-$group" 2>/dev/null
        [ -n "$mode" ] && stty "$mode" <"$2"
        rm -rf -- "$1"
        """;

    private readonly FileStream _held;
    private readonly Process _sweeper;

    private PrivateFolder(string path, FileStream held, string terminal)
    {
        Path = path;
        _held = held;
        ProcessStartInfo start = new("setsid", ["sh", "-c", SweeperScript, "vmchannel-sweeper", path, terminal])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true, // all three, or .NET would set up the terminal for it
            WorkingDirectory = "/",
        };
        _sweeper = Process.Start(start)!;
        _ = _sweeper.StandardOutput.ReadLine(); // it has seen the terminal as it was
    }

    public string Path { get; }

    /// <summary>Makes the folder, and removes those whose run was killed together with its sweeper.</summary>
    /// <param name="isTerminal">Standard input is a terminal, whose mode is to be restored as well.</param>
    /// <exception cref="RunException">The shell that removes it cannot be started.</exception>
    public static PrivateFolder Create(bool isTerminal)
    {
        string parent = ParentFolder();
        SweepAbandoned(parent);
        string name = Prefix + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4));
        string path = System.IO.Path.Combine(parent, name);
        string unlocked = System.IO.Path.Combine(parent, "." + name);
        Directory.CreateDirectory(unlocked, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        FileStream held = new(System.IO.Path.Combine(unlocked, LockName), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None);

        // Others that begin now find it locked from its first moment.
        Directory.Move(unlocked, path);
        try
        {
            return new(path, held, TerminalPath(isTerminal));
        }
        catch (Win32Exception error)
        {
            Directory.Delete(path, recursive: true);
            held.Dispose();
            throw new RunException($"cannot start setsid, which starts the guest: {error.Message}");
        }
    }

    public string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>What to end should this process die: a process group, or null for none.</summary>
    public void Guard(int? processGroup)
    {
        try
        {
            _sweeper.StandardInput.WriteLine(processGroup?.ToString(CultureInfo.InvariantCulture));
            _sweeper.StandardInput.Flush();
        }
        catch (IOException)
        {
            // Somebody killed the sweeper: what it would do is done in Dispose.
        }
    }

    public void Dispose()
    {
        _sweeper.StandardInput.Close();
        _sweeper.WaitForExit();
        _sweeper.Dispose();
        if (Directory.Exists(Path))
        {
            Directory.Delete(Path, recursive: true);
        }

        // Last, or another run that begins now would remove it at the same time.
        _held.Dispose();
    }

    private static string TerminalPath(bool isTerminal) =>
        isTerminal ? System.IO.File.ResolveLinkTarget("/proc/self/fd/0", returnFinalTarget: false)?.FullName ?? "" : "";

    // A socket's path may have 107 bytes, and a front-end splits its arguments at colons.
    private static string ParentFolder()
    {
        string? runtime = Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR");
        return runtime is ['/', ..] && runtime.Length < 40 && !runtime.Contains(':', StringComparison.Ordinal) && Directory.Exists(runtime)
            ? runtime
            : "/tmp";
    }

    private static void SweepAbandoned(string parent)
    {
        foreach (string folder in Directory.GetDirectories(parent, Prefix + "*"))
        {
            try
            {
                string lockPath = System.IO.Path.Combine(folder, LockName);
                if (System.IO.File.Exists(lockPath))
                {
                    using FileStream free = new(lockPath, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
                    Directory.Delete(folder, recursive: true);
                }
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // In use, or somebody else's.
            }
        }
    }
}
