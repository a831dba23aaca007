using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace VmChannel.Native;

/// <summary>The sockets a service manager opened for this process before it started it (sd_listen_fds(3)).</summary>
/// <remarks>They are numbered from 3 on. <c>LISTEN_PID</c> says for whom, because children inherit the environment.</remarks>
public sealed class ActivatedSockets
{
    private const int FirstNumber = 3;

    /// <summary>More than a unit has; what is beyond is not believed.</summary>
    private const int Most = 1024;

    private const string Nameless = "unknown";

    private static readonly Lazy<ActivatedSockets> Own = new(TakeOwn);

    private readonly string[] _names;

    private ActivatedSockets(string[] names) => _names = names;

    /// <summary>Those of this process.</summary>
    public static ActivatedSockets OfProcess => Own.Value;

    /// <summary>By number, from 3 on.</summary>
    public IReadOnlyList<string> Names => _names;

    /// <summary>Reads what a service manager says.</summary>
    /// <param name="pid"><c>LISTEN_PID</c>.</param>
    /// <param name="count"><c>LISTEN_FDS</c>.</param>
    /// <param name="names"><c>LISTEN_FDNAMES</c>, separated by colons; managers before systemd 227 have none.</param>
    /// <param name="ownPid">The process that reads it.</param>
    /// <returns>None when it was said to somebody else, or makes no sense.</returns>
    public static ActivatedSockets Parse(string? pid, string? count, string? names, int ownPid)
    {
        if (!int.TryParse(pid, NumberStyles.None, CultureInfo.InvariantCulture, out int addressee)
            || addressee != ownPid
            || !int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            || number > Most)
        {
            return new([]);
        }

        string[] given = string.IsNullOrEmpty(names) ? [] : names.Split(':');
        return new([.. Enumerable.Range(0, number).Select(i => i < given.Length && given[i].Length > 0 ? given[i] : Nameless)]);
    }

    /// <summary>The descriptor of the only socket with this name.</summary>
    /// <param name="name"><c>FileDescriptorName=</c> of its unit.</param>
    /// <param name="number">The descriptor; it stays open as long as the process.</param>
    /// <param name="reason">Otherwise the rest of a line that begins with the name.</param>
    public bool TryFind(string name, out int number, [NotNullWhen(false)] out string? reason)
    {
        number = FirstNumber + Array.IndexOf(_names, name);
        int count = _names.Count(other => other == name);
        reason = count switch
        {
            1 => null,
            0 when _names.Length == 0 => "systemd handed over no socket: start the .socket unit, not the service alone",
            0 => $"systemd handed over no socket of this name, but {string.Join(", ", _names)}: set FileDescriptorName={name} in the .socket unit",
            _ => $"systemd handed over {count} sockets of this name: give each a .socket unit with its own FileDescriptorName=",
        };
        return reason is null;
    }

    private static ActivatedSockets TakeOwn()
    {
        ActivatedSockets sockets = Parse(
            Environment.GetEnvironmentVariable("LISTEN_PID"),
            Environment.GetEnvironmentVariable("LISTEN_FDS"),
            Environment.GetEnvironmentVariable("LISTEN_FDNAMES"),
            Environment.ProcessId);
        for (int i = 0; i < sockets._names.Length; i++)
        {
            // A number that is not open stays an error of whoever uses it.
            _ = FileDescriptor.Borrow(FirstNumber + i).SetCloseOnExec(true);
        }

        return sockets;
    }
}
