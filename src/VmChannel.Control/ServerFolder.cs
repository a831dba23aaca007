using System.Globalization;

namespace VmChannel.Control;

/// <summary>The folders where servers and those who talk to them meet: one socket for each VM, by its name.</summary>
public static class ServerFolder
{
    private const string Name = "vmchannel";
    private const string SocketSuffix = ".sock";
    private const string Services = "/run/vmchannel";

    /// <summary><c>$XDG_RUNTIME_DIR/vmchannel</c>, or else <c>/run/vmchannel</c> for root and <c>/tmp/vmchannel-UID</c> for others.</summary>
    public static string Default
        => Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { Length: > 0 } runtime && Path.IsPathRooted(runtime)
            ? Path.Combine(runtime, Name)
            : Environment.IsPrivilegedProcess ? Services
            : Path.Combine("/tmp", $"{Name}-{EffectiveUser}");

    /// <summary>The folders of the services of <c>vmchannel@.service</c>.</summary>
    /// <param name="services">Where services have their runtime folders, by instance.</param>
    /// <returns>Those that this user may read: root, and nobody else while services have users of their own.</returns>
    public static IReadOnlyList<string> OfServices(string services = Services)
    {
        try
        {
            return [.. Directory.EnumerateDirectories(services).Order(StringComparer.Ordinal).Select(instance => Path.Combine(instance, Name)).Where(CanList)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>Where this user's commands look for servers.</summary>
    public static IReadOnlyList<string> All => [Default, .. OfServices().Where(folder => folder != Default)];

    /// <summary>The other folders that may be some server's: root's, and those of this user with and without a login session.</summary>
    public static IReadOnlyList<string> Others
        => [.. new[] { Services, $"/run/user/{EffectiveUser}/vmchannel", $"/tmp/vmchannel-{EffectiveUser}" }.Where(folder => folder != Default)];

    /// <summary>A VM's socket in a folder.</summary>
    public static string SocketOf(string folder, string vm) => Path.Combine(folder, vm + SocketSuffix);

    /// <summary>The VMs that have, or had, a socket in a folder, in order.</summary>
    /// <exception cref="ControlException">This user may not read the folder.</exception>
    public static IEnumerable<string> VmsIn(string folder)
    {
        try
        {
            return Directory.GetFiles(folder, "*" + SocketSuffix).Select(path => Path.GetFileName(path)[..^SocketSuffix.Length])
                .Order(StringComparer.Ordinal);
        }
        catch (DirectoryNotFoundException)
        {
            // No server has been started yet, or its service has just been stopped.
            return [];
        }
        catch (UnauthorizedAccessException e)
        {
            throw new ControlException($"{folder} may not be read: it is another user's; remove it, or set XDG_RUNTIME_DIR to a folder of your own", e);
        }
    }

    /// <summary>The server's socket of a VM.</summary>
    /// <param name="vm">The VM's name.</param>
    /// <param name="folders">Where to look, the first counts most; null = <see cref="All"/>.</param>
    /// <exception cref="ControlException">No server has a VM of this name; the message says which there are.</exception>
    public static ControlAddress Find(string vm, IReadOnlyList<string>? folders = null)
    {
        folders ??= All;
        string? path = folders.Select(folder => SocketOf(folder, vm)).FirstOrDefault(File.Exists);
        if (vm.Contains('/', StringComparison.Ordinal) || path is null)
        {
            string others = string.Join(", ", folders.SelectMany(VmsIn).Distinct(StringComparer.Ordinal));
            throw new ControlException(
                $"no VM {vm} is served{(others.Length == 0 ? "" : $"; there is {others}")}: start one with vmchannel serve, or say where it is with --control PATH");
        }

        return ControlAddress.Unix(path);
    }

    /// <summary>proc(5): the second number of this line is the effective user.</summary>
    private static uint EffectiveUser
        => File.ReadLines("/proc/self/status").First(line => line.StartsWith("Uid:", StringComparison.Ordinal)).Split('\t') is [_, _, string effective, ..]
            ? uint.Parse(effective, NumberStyles.None, CultureInfo.InvariantCulture)
            : 0;

    private static bool CanList(string folder)
    {
        try
        {
            return Directory.EnumerateFileSystemEntries(folder).Any();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
