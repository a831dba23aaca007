using System.Globalization;
using System.Text;
using VmChannel.Wire;

namespace VmChannel.Guest;

/// <summary>A port of a virtio-serial device as the kernel shows it.</summary>
/// <remarks>The name is the host's, and the kernel passes any bytes on (slashes, newlines, what is no UTF-8): nothing here trusts it.</remarks>
internal sealed record GuestPort
{
    /// <summary>Names that begin so belong to the run-time of <c>vmchannel run</c>: no links, and no mention to users.</summary>
    public const string InternalPrefix = "org.vmchannel.run.";

    private GuestPort(PortId id) => Id = id;

    public PortId Id { get; }

    /// <summary>The name when it is a valid protocol name; null otherwise.</summary>
    public ProtocolName? Protocol { get; private init; }

    /// <summary>What is wrong with the name, for people; null when nothing is, or when no name has come yet.</summary>
    public string? Fault { get; private init; }

    /// <summary>The name for people: printable, other bytes as <c>\xNN</c>; null when no name has come.</summary>
    public string? Shown { get; private init; }

    /// <summary>The name when it can be a file in <c>/dev/virtio-ports</c>, which takes more than protocol names; null otherwise.</summary>
    public string? FileName { get; private init; }

    /// <summary>True for ports no user should see.</summary>
    public bool IsInternal => Protocol?.Text.StartsWith(InternalPrefix, StringComparison.Ordinal) == true;

    /// <summary>Path of the device node.</summary>
    public string Path => $"/dev/{Id.Node}";

    /// <summary>A port whose name has not come yet (it comes after the port, VIRTIO 1.3 §5.3.6.2), or never will.</summary>
    public static GuestPort Unnamed(PortId id) => new(id);

    /// <summary>A port with the bytes of its name.</summary>
    public static GuestPort Named(PortId id, ReadOnlySpan<byte> name)
    {
        bool valid = ProtocolName.TryParse(name, out ProtocolName protocol, out string? reason);
        return new(id)
        {
            Protocol = valid ? protocol : null,
            Fault = reason,
            Shown = Show(name),
            FileName = IsFileName(name) ? Encoding.ASCII.GetString(name) : null,
        };
    }

    // What udev lets through into a link without replacing it (UDEV_ALLOWED_CHARS, without escapes and UTF-8).
    private static bool IsFileName(ReadOnlySpan<byte> name)
    {
        if (name.Length is 0 or > ProtocolName.MaxBytes || name.SequenceEqual("."u8) || name.SequenceEqual(".."u8))
        {
            return false;
        }

        foreach (byte b in name)
        {
            if (!char.IsAsciiLetterOrDigit((char)b) && !"#+-.:=@_"u8.Contains(b))
            {
                return false;
            }
        }

        return true;
    }

    private static string Show(ReadOnlySpan<byte> name)
    {
        StringBuilder shown = new(name.Length);
        foreach (byte b in name)
        {
            _ = b is > (byte)' ' and <= (byte)'~' and not (byte)'\\'
                ? shown.Append((char)b)
                : shown.Append(CultureInfo.InvariantCulture, $"\\x{b:x2}");
        }

        return shown.ToString();
    }
}
