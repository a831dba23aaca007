using VmChannel.Native;

namespace VmChannel.GuestTool;

/// <summary>The kernel's log, which ends up on its console: the only place to say something when nothing else works.</summary>
/// <remarks>
/// Opened anew for each line: Linux takes ten lines in five seconds from one open file and drops the rest
/// (<c>devkmsg_write</c>, unless <c>printk.devkmsg=on</c>), and a port that is plugged in has three links.
/// </remarks>
internal static class KernelLog
{
    private const string Path = "/dev/kmsg";

    /// <summary>Standard error goes there.</summary>
    public static bool IsStandardError()
    {
        _ = FileDescriptor.Open(Path, OpenFlags.PathOnly, 0, out FileDescriptor? log);
        using (log)
        {
            return log?.Identity() is FileIdentity identity && FileDescriptor.Borrow(2).Identity() == identity;
        }
    }

    public static void Info(string line) => Write(6, line);

    public static void Error(string line) => Write(3, line);

    private static void Write(int level, string line)
    {
        byte[] bytes = System.Text.Encoding.UTF8.GetBytes($"<{level}>vmchannel-guest: {line}\n");
        _ = FileDescriptor.Open(Path, OpenFlags.WriteOnly, 0, out FileDescriptor? log);
        using (log)
        {
            if (log?.Write(bytes).IsSuccess != true)
            {
                // Before /dev is there.
                _ = FileDescriptor.Borrow(2).Write(bytes.AsSpan(3));
            }
        }
    }
}
