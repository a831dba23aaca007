using System.Globalization;
using VmChannel.Native;

namespace VmChannel.Guest;

/// <summary>The group whose members may open channels.</summary>
/// <param name="Id">Its number.</param>
/// <param name="Members">Users it is not the first group of.</param>
internal sealed record AccessGroup(uint Id, IReadOnlyList<string> Members)
{
    /// <summary>Its name, as in udev's rule.</summary>
    public const string Name = "vmchannel";

    /// <summary>Where groups are.</summary>
    public const string DefaultFile = "/etc/group";

    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite;

    /// <summary>The group as a file in the form of group(5) has it; null without it.</summary>
    public static AccessGroup? Read(string file = DefaultFile)
    {
        string[] lines;
        try
        {
            lines = File.ReadAllLines(file);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return null;
        }

        return Array.Find(lines, line => line.StartsWith(Name + ":", StringComparison.Ordinal))?.Split(':') is [_, _, string id, string members, ..]
            && uint.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out uint number)
                ? new(number, members.Split(',', StringSplitOptions.RemoveEmptyEntries))
                : null;
    }

    /// <summary>Gives a device file to the group, if it is root's as the kernel has made it; one that somebody gave to another group stays.</summary>
    /// <returns>Why it cannot be; null when it is, or need not be.</returns>
    public string? Give(string device)
    {
        if (FileOwnership.GroupOf(device) != 0)
        {
            return null;
        }

        PosixResult changed = Mounts.ChangeOwner(device, uint.MaxValue, Id);
        if (!changed.IsSuccess)
        {
            return changed.Message;
        }

        try
        {
            File.SetUnixFileMode(device, Mode);
            return null;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return fault.Message;
        }
    }
}
