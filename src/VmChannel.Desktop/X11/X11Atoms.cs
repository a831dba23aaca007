using System.Runtime.InteropServices;
using VmChannel.Wire.VdAgent;

namespace VmChannel.Desktop.X11;

/// <summary>The names that a clipboard needs, as the numbers a display gave them.</summary>
/// <remarks>ICCCM §2.6.2 (targets).</remarks>
internal sealed class X11Atoms(X11Connection connection)
{
    /// <summary>ATOM and INTEGER have their numbers in every display.</summary>
    public const uint Atom = 4;
    public const uint Integer = 19;

    private readonly (uint Atom, ClipboardType Type)[] _targets = [.. MediaTypes.All.Select(known => (connection.Intern(known.Name), known.Type))];

    /// <summary>In the order of <see cref="ClipboardSelection"/>; the second has its number in every display.</summary>
    public uint[] Selections { get; } = [connection.Intern("CLIPBOARD"), 1];

    public uint Targets { get; } = connection.Intern("TARGETS");

    public uint Timestamp { get; } = connection.Intern("TIMESTAMP");

    public uint Increments { get; } = connection.Intern("INCR");

    /// <summary>Where others put what we ask for.</summary>
    public uint Value { get; } = connection.Intern("VMCHANNEL_VALUE");

    public ClipboardType TypeOf(uint target) => Array.Find(_targets, known => known.Atom == target).Type;

    /// <summary>The forms that an owner's targets are.</summary>
    public ClipboardTypes TypesOf(ReadOnlySpan<byte> targets)
    {
        ClipboardTypes types = ClipboardTypes.None;
        foreach (uint target in MemoryMarshal.Cast<byte, uint>(targets))
        {
            types |= TypeOf(target).Only();
        }

        return types;
    }

    /// <summary>The target to ask an owner for; 0 = none of its targets is of this form.</summary>
    public uint TargetOf(ClipboardType type, ReadOnlySpan<byte> targets)
    {
        foreach ((uint atom, _) in _targets.Where(known => known.Type == type))
        {
            if (MemoryMarshal.Cast<byte, uint>(targets).Contains(atom))
            {
                return atom;
            }
        }

        return 0;
    }

    /// <summary>The targets under which forms can be had from us, as the value of TARGETS.</summary>
    public byte[] TargetsOf(ClipboardTypes types)
        => MemoryMarshal.AsBytes<uint>([Targets, Timestamp, .. _targets.Where(known => types.Has(known.Type)).Select(known => known.Atom)]).ToArray();
}
