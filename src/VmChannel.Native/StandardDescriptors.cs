using System.Runtime.InteropServices;

namespace VmChannel.Native;

/// <summary>Descriptors 0, 1 and 2, without which a program may have been started.</summary>
/// <remarks>
/// Whatever is opened next gets their numbers, and is then read as the input, or written to as the log. .NET opens /dev/urandom before any code
/// of ours runs, and keeps it: only a process that begins anew has them right.
/// </remarks>
public static unsafe partial class StandardDescriptors
{
    private const int GetDescriptorFlags = 1;
    private const int SetDescriptorFlags = 2;
    private const int CloseOnExec = 1;
    private const int Count = 3;

    /// <summary>Makes those that are missing <c>/dev/null</c>, and starts this program again in its place (execve(2)). First of all.</summary>
    public static void Complete()
    {
        bool[] isMissing = [.. Enumerable.Range(0, Count).Select(IsMissing)];
        if (!Array.Exists(isMissing, missing => missing)
            || !FileDescriptor.Open("/dev/null", OpenFlags.ReadWrite, 0, out FileDescriptor? nothing).IsSuccess
            || ReadArguments() is not byte[] arguments)
        {
            return;
        }

        bool isComplete = true;
        for (int number = 0; number < Count; number++)
        {
            isComplete &= !isMissing[number] || StaysOpen(nothing!.Number, number);
        }

        // One that did not stay open would be missing again, for ever.
        if (isComplete)
        {
            StartAgain(arguments);
        }
    }

    /// <summary>It is not open, or was opened since: what a program is started with is open beyond an exec.</summary>
    private static bool IsMissing(int number)
        => PosixResult.From(Libc.FcntlRaw(number, GetDescriptorFlags, 0)) is not { IsSuccess: true, Value: var flags } || (flags & CloseOnExec) != 0;

    private static bool StaysOpen(int nothing, int number)
        => (number == nothing ? Libc.FcntlRaw(number, SetDescriptorFlags, 0) : DuplicateTo(nothing, number)) >= 0;

    /// <summary>Each ends with a zero byte (proc(5)); null where there is no /proc.</summary>
    private static byte[]? ReadArguments()
    {
        try
        {
            return File.ReadAllBytes("/proc/self/cmdline");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static void StartAgain(byte[] arguments)
    {
        byte*[] argv = new byte*[arguments.Count(value => value == 0) + 1];
        fixed (byte* text = arguments)
        fixed (byte** vector = argv)
        fixed (byte* program = "/proc/self/exe\0"u8)
        {
            for (int i = 0, start = 0; i < argv.Length - 1; i++)
            {
                // SAFETY: each start is inside the text, and a zero byte follows it there.
                argv[i] = text + start;
                start += arguments.AsSpan(start).IndexOf((byte)0) + 1;
            }

            // Comes back only when it cannot.
            _ = Execute(program, vector);
        }
    }

    [LibraryImport("libc", EntryPoint = "dup2")]
    private static partial int DuplicateTo(int number, int other);

    [LibraryImport("libc", EntryPoint = "execv")]
    private static partial int Execute(byte* path, byte** argv);
}
