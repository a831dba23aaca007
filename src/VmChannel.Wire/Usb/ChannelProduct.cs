using System.Diagnostics.CodeAnalysis;

namespace VmChannel.Wire.Usb;

/// <summary>How a USB serial adapter says which channel it is: its product string is <c>vmchannel:NAME</c>.</summary>
/// <remarks>Vendor and product numbers are those of any such adapter: nothing may be told by them.</remarks>
public static class ChannelProduct
{
    public const string Prefix = "vmchannel:";

    /// <summary>Longest name a product string has room for, in characters: protocol names are ASCII, one UTF-16 unit each.</summary>
    public const int MaxNameLength = 116; // StringDescriptor.MaxUnits less the prefix; a test holds it to that

    /// <summary>The product string of a channel.</summary>
    public static string Of(ProtocolName name) => Prefix + name.Text;

    /// <summary>Finds the channel in a product string.</summary>
    /// <param name="product">As the guest's kernel shows it.</param>
    /// <param name="name">The channel.</param>
    /// <returns>False for every other adapter, and for a name that is none.</returns>
    public static bool TryParse([NotNullWhen(true)] string? product, out ProtocolName name)
    {
        name = default;
        return product is not null && product.StartsWith(Prefix, StringComparison.Ordinal) && ProtocolName.TryParse(product[Prefix.Length..], out name, out _);
    }
}
