using System.Runtime.InteropServices;

namespace VmChannel.Native;

/// <summary>What poll(2) waits for and reports.</summary>
/// <remarks>Linux <c>asm-generic/poll.h</c>.</remarks>
[Flags]
public enum PollEvents : short
{
    None = 0,
    In = 1,
    Out = 4,
    Error = 8,
    HangUp = 16,
    Invalid = 32,
    ReadHangUp = 0x2000,
}

/// <summary>One descriptor to wait for; a negative number is skipped.</summary>
[StructLayout(LayoutKind.Sequential)]
public record struct PollEntry(int Descriptor, PollEvents Wanted)
{
    /// <summary>What is so now; Error, HangUp and Invalid come unasked.</summary>
    public PollEvents Ready { get; private set; }
}

/// <summary>poll(2), for the few descriptors of a small tool; the device's loop uses <see cref="Epoll"/>.</summary>
public static unsafe partial class Poll
{
    /// <summary>Waits until one entry is ready.</summary>
    /// <param name="entries">Get their <see cref="PollEntry.Ready"/> set.</param>
    /// <param name="timeout"><see cref="Timeout.InfiniteTimeSpan"/> or a time, rounded up to milliseconds.</param>
    /// <returns>How many entries are ready; 0 after the timeout or when a signal came in between.</returns>
    public static PosixResult Wait(Span<PollEntry> entries, TimeSpan timeout)
    {
        int milliseconds = timeout < TimeSpan.Zero ? -1 : (int)Math.Min(int.MaxValue, Math.Ceiling(timeout.TotalMilliseconds));
        fixed (PollEntry* first = entries)
        {
            PosixResult result = PosixResult.From(PollDescriptors(first, (nuint)entries.Length, milliseconds));
            return result.Error == Errno.Interrupted ? new(0, Errno.None) : result;
        }
    }

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int PollDescriptors(PollEntry* entries, nuint count, int timeoutMs);
}
