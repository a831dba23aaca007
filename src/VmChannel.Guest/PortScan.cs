namespace VmChannel.Guest;

/// <summary>Reads the ports that exist from sysfs.</summary>
public static class PortScan
{
    /// <summary>Where the driver shows its ports.</summary>
    public const string DefaultFolder = "/sys/class/virtio-ports";

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
            ReadOnlySpan<byte> name = File.ReadAllBytes(Path.Join(path, "name"));

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
