using System.Buffers.Binary;

namespace VmChannel.Wire.Usb;

/// <summary>A text of a device: length, type, UTF-16.</summary>
/// <remarks>USB 2.0 §9.6.7. Its length is one byte, which leaves 126 units.</remarks>
public static class StringDescriptor
{
    /// <summary>Longest text, in UTF-16 units.</summary>
    public const int MaxUnits = 126;

    /// <summary>US English: the one language that everybody asks for.</summary>
    public const ushort Language = 0x0409;

    private const int HeaderBytes = 2;

    /// <summary>Makes the descriptor of a text.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is longer than <see cref="MaxUnits"/>.</exception>
    public static byte[] Of(string text)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(text.Length, MaxUnits, nameof(text));
        byte[] descriptor = new byte[HeaderBytes + (2 * text.Length)];
        descriptor[0] = (byte)descriptor.Length;
        descriptor[1] = (byte)DescriptorType.String;
        for (int i = 0; i < text.Length; i++)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(descriptor.AsSpan(HeaderBytes + (2 * i)), text[i]);
        }

        return descriptor;
    }

    /// <summary>Makes the descriptor with index 0, the list of languages.</summary>
    public static byte[] OfLanguages() => [4, (byte)DescriptorType.String, Language & 0xFF, Language >> 8];
}
