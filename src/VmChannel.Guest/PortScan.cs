using Microsoft.Win32.SafeHandles;

namespace VmChannel.Guest;

/// <summary>Reads the ports that exist from sysfs.</summary>
internal static class PortScan
{
    /// <summary>Where the driver shows its ports.</summary>
    public const string DefaultFolder = "/sys/class/virtio-ports";

    // A page: the kernel cuts longer values.
    private const int MaxAttributeBytes = 4096;

    /// <summary>All ports in the order of their ids; none when there is no driver. A port that goes away meanwhile is left out.</summary>
    public static IReadOnlyList<GuestPort> Read(string folder = DefaultFolder)
    {
        List<GuestPort> ports = [];
        try
        {
            foreach (string path in Directory.EnumerateFileSystemEntries(folder))
            {
                if (PortId.TryParse(Path.GetFileName(path), out PortId id))
                {
                    ports.Add(ReadPort(id, path));
                }
            }
        }
        catch (DirectoryNotFoundException)
        {
            // The driver is not loaded (yet).
        }

        ports.Sort((left, right) => left.Id.CompareTo(right.Id));
        return ports;
    }

    private static GuestPort ReadPort(PortId id, string path)
    {
        try
        {
            // One read gets all there is; sysfs says that the file is longer, which makes File.ReadAllBytes fail.
            Span<byte> buffer = stackalloc byte[MaxAttributeBytes];
            using SafeFileHandle file = File.OpenHandle(Path.Join(path, "name"));
            ReadOnlySpan<byte> name = buffer[..RandomAccess.Read(file, buffer, 0)];

            // The kernel ends the name with a newline of its own; one more would be the host's.
            return GuestPort.Named(id, name.EndsWith((byte)'\n') ? name[..^1] : name);
        }
        catch (IOException)
        {
            // The attribute appears with the name, and disappears with the port.
            return GuestPort.Unnamed(id);
        }
    }
}
