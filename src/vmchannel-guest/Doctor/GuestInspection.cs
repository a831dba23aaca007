using System.Globalization;
using VmChannel.Guest;
using VmChannel.Native;

namespace VmChannel.GuestTool.Doctor;

/// <summary>Looks at this guest, and changes nothing: no port is opened, which its host would be told.</summary>
internal static class GuestInspection
{
    // VIRTIO 1.3 §5.3.1.
    private const string ConsoleDevice = "0x0003";
    private const string Rule = "udev/rules.d/60-vmchannel.rules";

    public static GuestState Read()
    {
        List<GuestPort> ports = [.. PortScan.Read(), .. AdapterScan.Read()];
        ILookup<string, Holder> holders = ReadHolders([.. ports.Select(port => port.Path)]);
        return new()
        {
            Devices = Entries("/sys/bus/virtio/devices").Count(device => Line(Path.Join(device, "device")) == ConsoleDevice),
            HasDriver = Directory.Exists("/sys/bus/virtio/drivers/virtio_console"),
            Ports = ports,
            Links = new DeviceLinks("/dev").Read(),
            Nodes = ports.ToDictionary(port => port.Id, port => ReadNode(port, [.. holders[port.Path]])),
            Udev = new(
                Path.Exists("/run/udev/control"),
                Array.Exists(["/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib"], root => File.Exists(Path.Join(root, Rule))),
                File.Exists("/usr/bin/vmchannel-guest")),
            Group = AccessGroup.Read(),
            User = new(ReadUser(), ReadGroups()),
        };
    }

    private static NodeState ReadNode(GuestPort port, IReadOnlyList<Holder> holders) => new(
        port.Id.IsUsb ? new(null, null, null) : PortState.Read(port.Id),
        FileOwnership.CheckReadAndWrite(port.Path).Error is Errno.AccessDenied or Errno.Permission,
        FileOwnership.GroupOf(port.Path),
        holders);

    /// <summary>Of other users' processes only root learns.</summary>
    private static ILookup<string, Holder> ReadHolders(HashSet<string> paths)
    {
        HashSet<(string Path, Holder Holder)> found = [];
        foreach (string process in Entries("/proc"))
        {
            if (int.TryParse(Path.GetFileName(process), NumberStyles.None, CultureInfo.InvariantCulture, out int pid)
                && pid != Environment.ProcessId)
            {
                foreach (string path in Entries(Path.Join(process, "fd")).Select(Target).OfType<string>().Where(paths.Contains))
                {
                    _ = found.Add((path, new(pid, Line(Path.Join(process, "comm")) ?? "?")));
                }
            }
        }

        return found.OrderBy(pair => pair.Holder.Pid).ToLookup(pair => pair.Path, pair => pair.Holder);
    }

    private static string ReadUser()
    {
        try
        {
            return Environment.UserName;
        }
        catch (IOException)
        {
            // A small system without /etc/passwd.
            return FileOwnership.EffectiveUser.ToString(CultureInfo.InvariantCulture);
        }
    }

    // The user's first group, and the others: proc(5), /proc/pid/status.
    private static List<uint> ReadGroups()
    {
        string[] lines = File.ReadAllLines("/proc/self/status");
        return [.. lines
            .Where(line => line.StartsWith("Gid:", StringComparison.Ordinal) || line.StartsWith("Groups:", StringComparison.Ordinal))
            .SelectMany(line => line.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries).Skip(1))
            .Select(word => uint.Parse(word, CultureInfo.InvariantCulture))
            .Distinct()];
    }

    private static string[] Entries(string folder)
    {
        try
        {
            return Directory.GetFileSystemEntries(folder);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            // Another user's process, one that has ended, or a kernel without it.
            return [];
        }
    }

    private static string? Target(string link)
    {
        try
        {
            return new FileInfo(link).LinkTarget;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static string? Line(string file)
    {
        try
        {
            return File.ReadAllText(file).TrimEnd('\n');
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
