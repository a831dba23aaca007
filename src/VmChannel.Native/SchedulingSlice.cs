using System.Runtime.InteropServices;

namespace VmChannel.Native;

/// <summary>How long the calling thread runs in one go while others want to (sched_getattr(2), sched_setattr(2)).</summary>
/// <remarks>
/// On a busy machine a thread that wakes waits until whoever runs has used up its slice, 1.4 ms on two processors and more on
/// larger machines. Since Linux 6.12 a thread may ask for a shorter slice than that, and is then let in at once; its
/// share of the processor stays what it was, and no privilege is needed. Older kernels take no notice.
/// </remarks>
public static unsafe partial class SchedulingSlice
{
    private const uint NormalPolicy = 0;
    private const uint BatchPolicy = 3;

    /// <summary>The calling thread's slice; zero where the kernel has none to tell.</summary>
    public static TimeSpan Current
    {
        get
        {
            Attributes attributes = default;
            return Get(&attributes).IsSuccess ? TimeSpan.FromMicroseconds(attributes.RuntimeNanoseconds / 1000.0) : TimeSpan.Zero;
        }
    }

    /// <summary>Gives the calling thread a slice of its own. A thread with a policy of its own keeps that, and has none.</summary>
    /// <param name="slice">0.1 to 100 ms.</param>
    public static PosixResult Set(TimeSpan slice)
    {
        Attributes attributes = default;
        PosixResult result = Get(&attributes);
        if (!result.IsSuccess || attributes.Policy is not (NormalPolicy or BatchPolicy))
        {
            return result;
        }

        attributes.Size = (uint)sizeof(Attributes);
        attributes.RuntimeNanoseconds = (ulong)slice.TotalNanoseconds;
        nint number = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 274 : 314;
        return PosixResult.From(SetAttributes(number, 0, &attributes, 0));
    }

    private static PosixResult Get(Attributes* attributes)
    {
        nint number = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 275 : 315;
        return PosixResult.From(GetAttributes(number, 0, attributes, sizeof(Attributes), 0));
    }

    // The C library has no wrappers for them.
    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint GetAttributes(nint number, nint thread, Attributes* attributes, nint size, nint flags);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SetAttributes(nint number, nint thread, Attributes* attributes, nint flags);

    // struct sched_attr of uapi/linux/sched/types.h, first version: 48 bytes.
    [StructLayout(LayoutKind.Sequential, Size = 48)]
    private struct Attributes
    {
        public uint Size;
        public uint Policy;
        public ulong Flags;
        public int Nice;
        public uint Priority;
        public ulong RuntimeNanoseconds;
        public ulong DeadlineNanoseconds;
        public ulong PeriodNanoseconds;
    }
}
