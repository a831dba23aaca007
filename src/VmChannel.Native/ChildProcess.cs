using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace VmChannel.Native;

/// <summary>What a child is started with. Its descriptors 0, 1 and 2 are either the terminal or the three given ones.</summary>
public sealed record ChildSpec(string Path, IReadOnlyList<string> Argv, IReadOnlyList<string> Env, string Folder)
{
    /// <summary>A terminal that becomes the child's controlling one; null when the three descriptors below are used.</summary>
    public string? Terminal { get; init; }

    public FileDescriptor? Input { get; init; }

    public FileDescriptor? Output { get; init; }

    public FileDescriptor? Error { get; init; }

    public uint Uid { get; init; }

    public uint Gid { get; init; }
}

/// <summary>How a child ended: by exit code, or by the signal that killed it.</summary>
public readonly record struct ChildEnd(int Code, int Signal)
{
    /// <summary>What a shell's <c>$?</c> would be.</summary>
    public int ShellCode => Signal == 0 ? Code : 128 + Signal;
}

/// <summary>Starts children as leaders of their own session, signals and reaps them, for a process that is its system's first.</summary>
/// <remarks>
/// posix_spawn(3), not fork: between fork and exec a process with threads may call next to nothing, least of all managed code.
/// With POSIX_SPAWN_SETSID the child is a session leader before its descriptors are opened, so that the first terminal it opens
/// becomes its controlling one. The user is changed in the thread that starts the child, see <see cref="Start"/>.
/// </remarks>
public static unsafe partial class ChildProcess
{
    private const int ChildEnded = 17;
    private const nint Ignored = 1;
    private const short SetSignalDefaults = 0x04;
    private const short SetSignalMask = 0x08;
    private const short SetSession = 0x80;

    // Larger than glibc's and musl's structures (posix_spawnattr_t 336, posix_spawn_file_actions_t 80, sigset_t 128).
    private const int OpaqueBytes = 512;

    /// <summary>Starts a child; signals are at their defaults and none is blocked.</summary>
    /// <returns>Its process id, also its session's and process group's. The error tells which step failed only by its number:
    /// NotFound, AccessDenied, ExecFormat (no program and no script) come from the program; check the folder before.</returns>
    public static PosixResult Start(ChildSpec spec)
    {
        PosixResult result = default;
        HearOfChildren();

        // User and groups belong to a thread in Linux, and a child gets those of the thread that starts it (the C library's setuid
        // changes all threads, so the calls below go past it). Hence a thread of its own, which ends with its lesser rights.
        Thread starter = new(() =>
        {
            PosixResult dropped = DropTo(spec.Uid, spec.Gid);
            result = dropped.IsSuccess ? Spawn(spec) : dropped;
        });
        starter.Start();
        starter.Join();
        return result;
    }

    /// <summary>Waits for any child, also ones inherited from dead parents, and reaps it.</summary>
    /// <returns>Its process id; NoChild when there is none.</returns>
    public static PosixResult WaitAny(out ChildEnd end)
    {
        int status = 0;
        PosixResult result;
        do
        {
            result = PosixResult.From(WaitPid(-1, &status, 0));
        }
        while (result.Error == Errno.Interrupted);

        end = EndOf(status);
        return result;
    }

    /// <summary>Sends a signal to a process group (killpg(3)).</summary>
    public static PosixResult SignalGroup(int group, int signal)
    {
        Debug.Assert(group > 1, "0 and 1 mean other groups to kill(2)");
        return PosixResult.From(Kill(-group, signal));
    }

    /// <summary>Waits for one child, and reaps it.</summary>
    public static ChildEnd Wait(int pid)
    {
        int status = 0;
        while (PosixResult.From(WaitPid(pid, &status, 0)).Error == Errno.Interrupted)
        {
        }

        return EndOf(status);
    }

    /// <summary>Sends a signal to every process but this one and the first.</summary>
    public static PosixResult SignalAll(int signal) => PosixResult.From(Kill(-1, signal));

    // WIFEXITED, WEXITSTATUS and WTERMSIG of sys/wait.h.
    private static ChildEnd EndOf(int status) => (status & 0x7F) == 0 ? new((status >> 8) & 0xFF, 0) : new(0, status & 0x7F);

    /// <summary>Whoever started us may have ignored SIGCHLD, which is inherited: then children leave no exit code behind (waitpid(2)).</summary>
    private static void HearOfChildren()
    {
        // struct sigaction begins with the handler, and all zeros are the default; 256 bytes hold it on x86-64 and arm64.
        // SAFETY: the C library fills at most 152 of the 256 bytes, and reads as many.
        nint* action = stackalloc nint[256 / sizeof(nint)];
        if (SignalAction(ChildEnded, null, action) == 0 && *action == Ignored)
        {
            new Span<byte>(action, 256).Clear();
            _ = SignalAction(ChildEnded, action, null);
        }
    }

    private static PosixResult DropTo(uint uid, uint gid)
    {
        if (uid == 0 && gid == 0)
        {
            return default;
        }

        bool arm = RuntimeInformation.ProcessArchitecture == Architecture.Arm64;
        PosixResult result = PosixResult.From(Syscall(arm ? 159 : 116, 1, (nint)(&gid), 0)); // setgroups
        result = result.IsSuccess ? PosixResult.From(Syscall(arm ? 149 : 119, (nint)gid, (nint)gid, (nint)gid)) : result; // setresgid
        return result.IsSuccess ? PosixResult.From(Syscall(arm ? 147 : 117, (nint)uid, (nint)uid, (nint)uid)) : result; // setresuid
    }

    private static PosixResult Spawn(ChildSpec spec)
    {
        byte* attributes = stackalloc byte[OpaqueBytes];
        byte* actions = stackalloc byte[OpaqueBytes];
        byte* signals = stackalloc byte[OpaqueBytes];
        AttributesInit(attributes);
        ActionsInit(actions);
        SignalSetEmpty(signals);
        AttributesSetMask(attributes, signals);
        SignalSetFill(signals);
        AttributesSetDefaults(attributes, signals);
        AttributesSetFlags(attributes, SetSession | SetSignalMask | SetSignalDefaults);
        int error = AddDescriptors(actions, spec);
        error = error == 0 ? ActionsAddFolder(actions, spec.Folder) : error;
        int pid = 0;
        if (error == 0)
        {
            using TextVector argv = new(spec.Argv);
            using TextVector env = new(spec.Env);
            error = PosixSpawn(&pid, spec.Path, actions, attributes, argv.Pointer, env.Pointer);
        }

        ActionsDestroy(actions);
        AttributesDestroy(attributes);
        return error == 0 ? new(pid, Errno.None) : new(-1, (Errno)error);
    }

    private static int AddDescriptors(byte* actions, ChildSpec spec)
    {
        if (spec.Terminal is not null)
        {
            int opened = ActionsAddOpen(actions, 0, spec.Terminal, (int)OpenFlags.ReadWrite, 0);
            opened = opened == 0 ? ActionsAddDuplicate(actions, 0, 1) : opened;
            return opened == 0 ? ActionsAddDuplicate(actions, 0, 2) : opened;
        }

        FileDescriptor[] descriptors = [spec.Input!, spec.Output!, spec.Error!];
        int error = 0;
        for (int i = 0; i < descriptors.Length && error == 0; i++)
        {
            error = ActionsAddDuplicate(actions, descriptors[i].Number, i);
        }

        return error;
    }

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint Syscall(nint number, nint first, nint second, nint third);

    [LibraryImport("libc", EntryPoint = "sigaction")]
    private static partial int SignalAction(int signal, nint* action, nint* before);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int pid, int signal);

    [LibraryImport("libc", EntryPoint = "waitpid", SetLastError = true)]
    private static partial int WaitPid(int pid, int* status, int options);

    [LibraryImport("libc", EntryPoint = "posix_spawn", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int PosixSpawn(int* pid, string path, byte* actions, byte* attributes, byte** argv, byte** env);

    // The void ones answer ENOMEM or EINVAL in POSIX's text, and never with the arguments above in glibc and musl.
    [LibraryImport("libc", EntryPoint = "posix_spawnattr_init")]
    private static partial void AttributesInit(byte* attributes);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_destroy")]
    private static partial void AttributesDestroy(byte* attributes);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setflags")]
    private static partial void AttributesSetFlags(byte* attributes, short flags);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setsigmask")]
    private static partial void AttributesSetMask(byte* attributes, byte* signals);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setsigdefault")]
    private static partial void AttributesSetDefaults(byte* attributes, byte* signals);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_init")]
    private static partial void ActionsInit(byte* actions);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_destroy")]
    private static partial void ActionsDestroy(byte* actions);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_adddup2")]
    private static partial int ActionsAddDuplicate(byte* actions, int from, int to);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_addopen", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int ActionsAddOpen(byte* actions, int fd, string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_addchdir_np", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int ActionsAddFolder(byte* actions, string path);

    [LibraryImport("libc", EntryPoint = "sigemptyset")]
    private static partial void SignalSetEmpty(byte* signals);

    [LibraryImport("libc", EntryPoint = "sigfillset")]
    private static partial void SignalSetFill(byte* signals);

    /// <summary>A null-terminated array of C strings in unmanaged memory.</summary>
    private readonly ref struct TextVector
    {
        public readonly byte** Pointer;

        public TextVector(IReadOnlyList<string> texts)
        {
            Pointer = (byte**)NativeMemory.AllocZeroed((nuint)texts.Count + 1, (nuint)sizeof(byte*));
            for (int i = 0; i < texts.Count; i++)
            {
                int bytes = Encoding.UTF8.GetByteCount(texts[i]);

                // SAFETY: one byte more than the text has, zeroed, so the C string ends; Pointer[i] is inside the array allocated above,
                // whose extra last element stays null.
                Pointer[i] = (byte*)NativeMemory.AllocZeroed((nuint)bytes + 1);
                _ = Encoding.UTF8.GetBytes(texts[i], new Span<byte>(Pointer[i], bytes));
            }
        }

        public void Dispose()
        {
            for (byte** text = Pointer; *text != null; text++)
            {
                NativeMemory.Free(*text);
            }

            NativeMemory.Free(Pointer);
        }
    }
}
