using VmChannel.Control;
using VmChannel.Native;

namespace VmChannel.Cli.Doctor;

/// <summary>Looks at what no server can know: the folder where servers are met, and what is in it.</summary>
/// <param name="folder">Where this user's servers have their sockets.</param>
/// <param name="others">Where servers of others, or of another session, would have theirs.</param>
internal sealed class MachineCheck(string folder, IReadOnlyList<string> others)
{
    /// <param name="looksInFolder">Servers are looked for in the folder, not at one address.</param>
    /// <param name="isServed">Some VM is served.</param>
    public IReadOnlyList<FindingInfo> Find(bool looksInFolder, bool isServed)
        => looksInFolder
            ? [.. OfServers(isServed).Concat(OfFolder()).Concat(OfSockets()).OrderByDescending(finding => finding.Severity)]
            : isServed ? [] : [new(FindingSeverity.Error, "no-vm", "the server serves no VM", Fix: "add one to its configuration file, and vmchannel reload")];

    private IEnumerable<FindingInfo> OfServers(bool isServed)
    {
        string[] elsewhere = [.. others.Where(HasServers)];
        if (!isServed && elsewhere.Length == 0)
        {
            yield return new(
                FindingSeverity.Error, "no-server",
                $"no server of this user is in {folder}",
                Fix: "start one: vmchannel serve; one with a --control of its own is found by the same --control");
        }

        foreach (string other in elsewhere)
        {
            yield return new(
                isServed ? FindingSeverity.Note : FindingSeverity.Warning, "servers-elsewhere",
                $"there are servers in {other}, which is not this user's or this session's folder",
                Fix: $"run this as the user who started them, with XDG_RUNTIME_DIR as it was then, or with --control {other}/VM.sock");
        }
    }

    private IEnumerable<FindingInfo> OfFolder()
    {
        if (!Directory.Exists(folder))
        {
            yield break;
        }

        if (FileOwnership.OwnerOf(folder) != FileOwnership.EffectiveUser)
        {
            yield return new(
                FindingSeverity.Error, "folder-of-another",
                $"{folder} is another user's, who could put false servers into it: servers refuse to use it", Fix: "remove it, or set XDG_RUNTIME_DIR");
        }
        else if ((File.GetUnixFileMode(folder) & (UnixFileMode.GroupWrite | UnixFileMode.OtherWrite)) != 0)
        {
            yield return new(
                FindingSeverity.Error, "folder-not-private", $"others may write to {folder}: servers refuse to use it", Fix: $"chmod 700 {folder}");
        }
    }

    private IEnumerable<FindingInfo> OfSockets()
    {
        foreach (string vm in NamesIn(folder))
        {
            string path = ServerFolder.SocketOf(folder, vm);
            if (UnixAddress.TryCreate(path, isAbstract: false, isTight: true, out UnixAddress? address, out _))
            {
                PosixResult result = StreamSocket.Connect(address, out FileDescriptor? socket);
                socket?.Dispose();
                if (result.Error == Errno.ConnectionRefused)
                {
                    yield return new(
                        FindingSeverity.Note, "stale-socket",
                        $"{path} was left behind by a server that was killed", Fix: $"the next server of {vm} takes its place; to tidy up: rm {path}");
                }
            }
        }
    }

    private static bool HasServers(string other) => NamesIn(other).Any();

    /// <summary>None when the folder is another user's secret.</summary>
    private static IReadOnlyList<string> NamesIn(string path)
    {
        try
        {
            return [.. ServerFolder.VmsIn(path)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
