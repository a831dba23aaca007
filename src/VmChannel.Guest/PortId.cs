using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace VmChannel.Guest;

/// <summary>Which port: the driver's number of its device, and the port's number on it, as in <c>vport0p4</c>; or which USB terminal.</summary>
/// <remarks>Linux never reuses a device number (<c>virtio_console.c</c> counts up), so an id means one port until it is unplugged.</remarks>
internal readonly record struct PortId(uint Device, uint Number) : IComparable<PortId>
{
    private const string Prefix = "vport";
    private const string UsbPrefix = "ttyUSB";
    private const string AcmPrefix = "ttyACM";

    // No virtio-serial device gets these numbers, and adapters come after all of their ports: virtio wins.
    private const uint AcmDevice = uint.MaxValue - 2;
    private const uint UsbDevice = uint.MaxValue - 1;

    /// <summary>It is a USB serial adapter, whose number is that of its terminal.</summary>
    public bool IsUsb => Device is UsbDevice or AcmDevice;

    /// <summary>Linux's driver for it is <c>cdc_acm</c>, and not one of its subsystem for serial converters.</summary>
    public bool IsAcm => Device == AcmDevice;

    /// <summary>Name of the device node and of the sysfs folder.</summary>
    public string Node => string.Create(CultureInfo.InvariantCulture, $"{(IsAcm ? AcmPrefix : IsUsb ? UsbPrefix : $"{Prefix}{Device}p")}{Number}");

    /// <summary>Short name, <c>vmch4</c>: good as long as no other device has a port of that number.</summary>
    public string ShortLink => string.Create(CultureInfo.InvariantCulture, $"vmch{Number}");

    /// <summary>Unmistakable short name, <c>vmch1p4</c>, for when another device was first.</summary>
    public string LongLink => string.Create(CultureInfo.InvariantCulture, $"vmch{Device}p{Number}");

    public static bool operator <(PortId left, PortId right) => left.CompareTo(right) < 0;

    public static bool operator >(PortId left, PortId right) => left.CompareTo(right) > 0;

    public static bool operator <=(PortId left, PortId right) => left.CompareTo(right) <= 0;

    public static bool operator >=(PortId left, PortId right) => left.CompareTo(right) >= 0;

    /// <summary>Reads the name of a device node back.</summary>
    public static bool TryParse([NotNullWhen(true)] string? node, out PortId id)
    {
        id = default;
        if (node is not null && (node.StartsWith(UsbPrefix, StringComparison.Ordinal) || node.StartsWith(AcmPrefix, StringComparison.Ordinal)))
        {
            bool isNumber = uint.TryParse(node.AsSpan(UsbPrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out uint terminal);
            id = isNumber ? new(node.StartsWith(UsbPrefix, StringComparison.Ordinal) ? UsbDevice : AcmDevice, terminal) : default;
            return isNumber && id.Node == node;
        }

        int separator = node?.LastIndexOf('p') ?? -1;
        if (separator <= Prefix.Length
            || !node!.StartsWith(Prefix, StringComparison.Ordinal)
            || !uint.TryParse(node.AsSpan(Prefix.Length, separator - Prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out uint device)
            || !uint.TryParse(node.AsSpan(separator + 1), NumberStyles.None, CultureInfo.InvariantCulture, out uint number))
        {
            return false;
        }

        id = new(device, number);
        return id.Node == node;
    }

    /// <inheritdoc/>
    public int CompareTo(PortId other) => (Device, Number).CompareTo((other.Device, other.Number));

    /// <inheritdoc/>
    public override string ToString() => Node;
}
