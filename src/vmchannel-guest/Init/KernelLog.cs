using VmChannel.Native;

namespace VmChannel.GuestTool.Init;

/// <summary>The kernel's log, which ends up on its console: the only place to say something when nothing else works.</summary>
internal static class KernelLog
{
    private const string Path = "/dev/kmsg";

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
