using System.Collections.Frozen;
using System.Text;

namespace VmChannel.Device.Events;

/// <summary>The kinds of events as they are spelled for programs: <c>guest-opened</c>. Names are kept for ever, numbers are not.</summary>
public static class EventNames
{
    private static readonly string[] Names = [.. Enum.GetValues<DeviceEventKind>().Select(Spell)];

    private static readonly FrozenDictionary<string, DeviceEventKind> Kinds =
        Enum.GetValues<DeviceEventKind>().ToFrozenDictionary(kind => Names[(int)kind], StringComparer.Ordinal);

    /// <summary>A kind's name.</summary>
    public static string Of(DeviceEventKind kind) => Names[(int)kind];

    /// <summary>The kind of a name; false for a name this version does not know.</summary>
    public static bool TryParse(string name, out DeviceEventKind kind) => Kinds.TryGetValue(name, out kind);

    private static string Spell(DeviceEventKind kind)
    {
        StringBuilder name = new();
        foreach (char letter in kind.ToString())
        {
            _ = char.IsUpper(letter) && name.Length > 0 ? name.Append('-') : name;
            _ = name.Append(char.ToLowerInvariant(letter));
        }

        return name.ToString();
    }
}
