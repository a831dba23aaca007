using System.Buffers.Binary;
using System.Text;

namespace VmChannel.Wire.UsbRedir;

/// <summary>Who a side is and what it can do.</summary>
/// <remarks>usbredir protocol 0.7, <c>usb_redir_hello_header</c>: 64 bytes of text and at least no word of capabilities.</remarks>
public static class UsbRedirHello
{
    public const int VersionBytes = 64;

    /// <summary>Bytes of one with a word of capabilities.</summary>
    public const int Size = VersionBytes + 4;

    /// <summary>Words of capabilities a peer may have; there is use for one.</summary>
    private const int MaxWords = 16;

    /// <summary>Reads a peer's.</summary>
    /// <param name="source">The payload.</param>
    /// <param name="version">What it calls itself, printable.</param>
    /// <param name="capabilities">What it can do; a hello without a word of them is from before there were any.</param>
    public static bool TryRead(ReadOnlySpan<byte> source, out string version, out UsbRedirCapabilities capabilities)
    {
        version = "";
        capabilities = UsbRedirCapabilities.None;
        if (source.Length < VersionBytes || source.Length > VersionBytes + (4 * MaxWords) || source.Length % 4 != 0)
        {
            return false;
        }

        StringBuilder text = new();
        foreach (byte each in source[..VersionBytes])
        {
            if (each == 0)
            {
                break;
            }

            _ = text.Append(each is >= 0x20 and < 0x7F ? (char)each : '?');
        }

        version = text.ToString();
        capabilities = source.Length > VersionBytes
            ? (UsbRedirCapabilities)BinaryPrimitives.ReadUInt32LittleEndian(source[VersionBytes..])
            : UsbRedirCapabilities.None;
        return true;
    }

    /// <summary>Writes ours.</summary>
    /// <param name="destination">Room for <see cref="Size"/> bytes.</param>
    /// <param name="version">ASCII, shorter than 64 bytes.</param>
    /// <param name="capabilities">What this side can do.</param>
    public static void Write(Span<byte> destination, ReadOnlySpan<byte> version, UsbRedirCapabilities capabilities)
    {
        destination[..VersionBytes].Clear();
        version.CopyTo(destination);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[VersionBytes..], (uint)capabilities);
    }
}
