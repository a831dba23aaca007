using System.Collections;
using VmChannel.Wire;

namespace VmChannel.Cli.Run;

/// <summary>What the guest is told to run: the command with the parts of our surroundings that make sense there.</summary>
internal static class GuestCommand
{
    /// <summary>Where the guest's init puts vmchannel-guest, which lists and opens channels.</summary>
    private const string GuestTools = "/run/vmchannel/bin";

    private const string SystemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /// <summary>Folders the guest has of its own.</summary>
    private static readonly string[] GuestsOwn = ["/tmp", "/run", "/dev", "/proc", "/sys", "/var/tmp"];

    private static readonly string[] Inherited = ["TERM", "COLORTERM", "LANG", "LANGUAGE", "TZ", "NO_COLOR", "DOTNET_ROOT"];

    public static RunCommand Of(RunOptions options, bool isTerminal, IReadOnlyList<string> ports) => new()
    {
        Argv = options.Command,
        Env = EnvironmentOf(Environment.GetEnvironmentVariables()),
        Cwd = FolderOf(Environment.CurrentDirectory, options.Shares),
        Tty = isTerminal,
        Ports = ports,
    };

    public static IReadOnlyDictionary<string, string> EnvironmentOf(IDictionary variables)
    {
        // The guest's user is root in a read-only tree: /tmp is the one home it can write to.
        Dictionary<string, string> environment = new() { ["PATH"] = $"{SystemPath}:{GuestTools}", ["HOME"] = "/tmp", ["USER"] = "root", ["LOGNAME"] = "root" };
        foreach (DictionaryEntry variable in variables)
        {
            string name = (string)variable.Key;
            if (Inherited.Contains(name) || name.StartsWith("LC_", StringComparison.Ordinal))
            {
                environment[name] = (string?)variable.Value ?? "";
            }
        }

        return environment;
    }

    /// <summary>The current folder where the guest sees it, or its root.</summary>
    public static string FolderOf(string current, IReadOnlyList<SharedFolder> shares)
    {
        SharedFolder? share = shares.FirstOrDefault(folder => IsWithin(current, folder.HostPath));
        if (share is not null)
        {
            return Path.TrimEndingDirectorySeparator(share.GuestPath + current[share.HostPath.Length..]) is { Length: > 0 } path ? path : "/";
        }

        return GuestsOwn.Any(folder => IsWithin(current, folder)) ? "/" : current;
    }

    /// <summary>The command starts in the guest's root: where we are the guest has a folder of its own.</summary>
    public static bool IsHidden(string current, IReadOnlyList<SharedFolder> shares) => current != "/" && FolderOf(current, shares) == "/";

    private static bool IsWithin(string path, string folder) =>
        path == folder || path.StartsWith(folder.TrimEnd('/') + "/", StringComparison.Ordinal);
}
