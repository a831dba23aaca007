using VmChannel.Native;

namespace VmChannel.Bench.Guest;

/// <summary>Makes a bare kernel into a system with device nodes and the modules that came along.</summary>
internal static class GuestSystem
{
    public static void Prepare()
    {
        Mount("dev", "/dev", "devtmpfs");
        Mount("proc", "/proc", "proc");
        Mount("sys", "/sys", "sysfs");
        if (!Directory.Exists("/modules"))
        {
            return;
        }

        foreach (string module in Directory.GetFiles("/modules").Order(StringComparer.Ordinal))
        {
            _ = FileDescriptor.Open(module, OpenFlags.ReadOnly, 0, out FileDescriptor? file).OrThrow(module);
            using (file)
            {
                _ = KernelModule.Load(file!, compressed: false).OrThrow(module);
            }
        }
    }

    private static void Mount(string source, string target, string type)
        => _ = Mounts.Mount(source, target, type, MountFlags.None, null).OrThrow(target);
}
