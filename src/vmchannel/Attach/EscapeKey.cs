using VmChannel.Cli.CommandLine;

namespace VmChannel.Cli.Attach;

/// <summary>The key that leaves a channel which has the terminal; every other one is the guest's.</summary>
/// <param name="Code">Its byte.</param>
/// <param name="Name">For people, such as <c>Ctrl-]</c>.</param>
internal sealed record EscapeKey(byte Code, string Name)
{
    /// <summary>As virsh and telnet have it.</summary>
    public const string Default = "^]";

    private const byte Delete = 0x7f;

    /// <summary>Reads <c>^]</c>, a single character, or <c>none</c>.</summary>
    /// <returns>Null for none.</returns>
    /// <exception cref="UsageException">It is neither.</exception>
    public static EscapeKey? Read(string text) => text switch
    {
        "none" => null,
        "^?" => new(Delete, "Backspace"),
        ['^', var letter] when char.ToUpperInvariant(letter) is >= '@' and <= '_' => new((byte)(letter & 0x1f), $"Ctrl-{char.ToUpperInvariant(letter)}"),
        [> ' ' and <= '~' and var letter] => new((byte)letter, text),
        _ => throw new UsageException($"--escape {text}: a key is needed, such as ^] for Ctrl-], or none"),
    };
}
