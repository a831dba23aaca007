using System.Runtime.InteropServices;

namespace VmChannel.Native;

/// <summary>getrlimit(2) and setrlimit(2).</summary>
public static unsafe partial class ResourceLimits
{
    private const int OpenFiles = 7;

    /// <summary>Lets this process have as many descriptors as it is allowed to ask for.</summary>
    /// <remarks>The usual soft limit of 1024 is for programs that use select(2). A device of 127 ports has three descriptors per queue, 768 in all.</remarks>
    public static PosixResult MaximizeOpenFiles()
    {
        Limit limit = default;
        PosixResult result = PosixResult.From(Get(OpenFiles, &limit));
        if (!result.IsSuccess || limit.Soft == limit.Hard)
        {
            return result;
        }

        limit.Soft = limit.Hard;
        return PosixResult.From(Set(OpenFiles, &limit));
    }

    [LibraryImport("libc", EntryPoint = "getrlimit", SetLastError = true)]
    private static partial int Get(int resource, Limit* limit);

    [LibraryImport("libc", EntryPoint = "setrlimit", SetLastError = true)]
    private static partial int Set(int resource, Limit* limit);

    [StructLayout(LayoutKind.Sequential)]
    private struct Limit
    {
        public ulong Soft;
        public ulong Hard;
    }
}
