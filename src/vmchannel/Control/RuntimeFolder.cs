using VmChannel.Native;

namespace VmChannel.Cli.Control;

/// <summary>The folder where servers and the commands that talk to them meet: one socket for each VM, by its name.</summary>
internal static class RuntimeFolder
{
    private const string Name = "vmchannel";
    private const string SocketSuffix = ".sock";
    private const string Services = "/run/vmchannel";
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary><c>$XDG_RUNTIME_DIR/vmchannel</c>, or else <c>/run/vmchannel</c> for root and <c>/tmp/vmchannel-UID</c> for others.</summary>
    public static string Default
        => Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { Length: > 0 } runtime && Path.IsPathRooted(runtime)
            ? Path.Combine(runtime, Name)
            : FileOwnership.EffectiveUser == 0 ? Services
            : Path.Combine("/tmp", $"{Name}-{FileOwnership.EffectiveUser}");

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
        => [.. new[] { Services, $"/run/user/{FileOwnership.EffectiveUser}/vmchannel", $"/tmp/vmchannel-{FileOwnership.EffectiveUser}" }.Where(folder => folder != Default)];

    /// <summary>A VM's socket in a folder.</summary>
    public static string SocketOf(string folder, string vm) => Path.Combine(folder, vm + SocketSuffix);

    /// <summary>The VMs that have, or had, a socket in a folder, in order.</summary>
    public static IEnumerable<string> VmsIn(string folder)
        => !Directory.Exists(folder) ? []
            : Directory.EnumerateFiles(folder, "*" + SocketSuffix).Select(path => Path.GetFileName(path)[..^SocketSuffix.Length])
                .Order(StringComparer.Ordinal);

    /// <summary>Makes the folder, for this user alone.</summary>
    /// <exception cref="IOException">It cannot be made, or is another user's, who could put false servers into it.</exception>
    public static void Create(string folder)
    {
        try
        {
            _ = Directory.CreateDirectory(folder, Private);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new IOException(e.Message, e);
        }

        if (new DirectoryInfo(folder).LinkTarget is not null || FileOwnership.OwnerOf(folder) != FileOwnership.EffectiveUser)
        {
            throw new IOException($"{folder} is not this user's own folder");
        }

        if ((File.GetUnixFileMode(folder) & (UnixFileMode.GroupWrite | UnixFileMode.OtherWrite)) != 0)
        {
            throw new IOException($"others may write to {folder}: chmod 700 it");
        }
    }

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
