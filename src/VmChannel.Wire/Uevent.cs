namespace VmChannel.Wire;

/// <summary>One kernel event about a device: <c>add@/devices/…</c> and then <c>KEY=value</c>, each ended by a NUL.</summary>
/// <remarks>Linux <c>lib/kobject_uevent.c</c>. Names of ports are not in it; they are in sysfs.</remarks>
public readonly ref struct Uevent
{
    private readonly ReadOnlySpan<byte> _variables;

    private Uevent(ReadOnlySpan<byte> variables) => _variables = variables;

    /// <summary>Bytes of <c>SUBSYSTEM</c>; empty when there is none.</summary>
    public ReadOnlySpan<byte> Subsystem => this["SUBSYSTEM="u8];

    private ReadOnlySpan<byte> this[ReadOnlySpan<byte> key]
    {
        get
        {
            foreach (Range range in _variables.Split((byte)0))
            {
                ReadOnlySpan<byte> variable = _variables[range];
                if (variable.StartsWith(key))
                {
                    return variable[key.Length..];
                }
            }

            return default;
        }
    }

    /// <summary>False when the bytes do not begin like an event of the kernel (udev's own begin with <c>libudev</c>).</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out Uevent uevent)
    {
        int header = source.IndexOf((byte)0);
        bool isEvent = header > 0 && source[..header].Contains((byte)'@');
        uevent = isEvent ? new(source[(header + 1)..]) : default;
        return isEvent;
    }
}
