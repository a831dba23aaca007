namespace VmChannel.Guest;

/// <summary>Who holds a port, as the driver tells root in debugfs; null is unknown.</summary>
internal sealed record PortState(bool? GuestOpen, bool? HostOpen, bool? IsConsole)
{
    private const string Folder = "/sys/kernel/debug/virtio-ports";

    /// <summary>Somebody who may look could learn something.</summary>
    public static bool IsKnowable => Directory.Exists(Folder);

    /// <summary>Reads the state; all unknown without debugfs or the right to look.</summary>
    /// <remarks>Linux <c>virtio_console.c</c>, <c>port_debugfs_show</c>: lines of <c>key: value</c>.</remarks>
    public static PortState Read(PortId id)
    {
        string[] lines;
        try
        {
            lines = File.ReadAllLines(Path.Join(Folder, id.Node));
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            lines = [];
        }

        return new(Flag(lines, "guest_connected"), Flag(lines, "host_connected"), YesNo(lines, "is_console"));
    }

    private static bool? Flag(string[] lines, string key) => Value(lines, key) is string value ? value != "0" : null;

    private static bool? YesNo(string[] lines, string key) => Value(lines, key) is string value ? value == "yes" : null;

    private static string? Value(string[] lines, string key) =>
        Array.Find(lines, line => line.StartsWith(key + ":", StringComparison.Ordinal))?[(key.Length + 1)..].Trim();
}
