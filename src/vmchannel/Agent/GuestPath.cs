using VmChannel.Cli.CommandLine;
using VmChannel.Cli.Serve;

namespace VmChannel.Cli.Agent;

/// <summary>A file of a guest, as people write it: <c>VM:/PATH</c>, or <c>:/PATH</c> of the VM that was named before.</summary>
/// <param name="Vm">The VM; null = the one that was named.</param>
/// <param name="Path">Absolute.</param>
internal sealed record GuestPath(string? Vm, string Path)
{
    /// <summary>Both kinds of guests'.</summary>
    private static readonly char[] Separators = ['/', '\\'];

    public bool IsFolder => Path[^1] is '/' or '\\';

    public string FileName => Path[(Path.LastIndexOfAny(Separators) + 1)..];

    /// <summary>A file in this folder.</summary>
    public GuestPath In(string name) => this with { Path = IsFolder ? Path + name : $"{Path}/{name}" };

    /// <returns>Null when it is a file of this machine: <c>./a:b</c> is, and so is what has no name of a VM before a colon.</returns>
    /// <exception cref="UsageException">The path is not absolute.</exception>
    public static GuestPath? Read(string word)
    {
        int colon = word.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0 || (colon > 0 && !VmName.IsValid(word[..colon], out _)))
        {
            return null;
        }

        string path = word[(colon + 1)..];
        return path is ['/' or '\\', ..] or [_, ':', '/' or '\\', ..]
            ? new(colon == 0 ? null : word[..colon], path)
            : throw new UsageException($"agent: cp {word}: an absolute path is needed after the colon: the agent has no folder of its own");
    }
}
