using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace VmChannel.Wire.X11;

/// <summary>Finds what proves to a display that one may use it, in a file that xauth(1) keeps.</summary>
/// <remarks>Xau library: records of a big-endian family, then address, number, name and data, each after its big-endian length.</remarks>
public static class DisplayCookie
{
    private const ushort LocalFamily = 256;
    private const ushort WildFamily = 65535;

    /// <summary>The cookie for a display of this machine; empty when there is none.</summary>
    /// <param name="file">The file's bytes.</param>
    /// <param name="hostName">This machine's.</param>
    /// <param name="number">The display's.</param>
    public static byte[] Find(ReadOnlySpan<byte> file, string hostName, int number)
    {
        while (file.Length >= sizeof(ushort))
        {
            ushort family = BinaryPrimitives.ReadUInt16BigEndian(file);
            file = file[sizeof(ushort)..];
            if (!TryTake(ref file, out ReadOnlySpan<byte> address) || !TryTake(ref file, out ReadOnlySpan<byte> display)
                || !TryTake(ref file, out ReadOnlySpan<byte> name) || !TryTake(ref file, out ReadOnlySpan<byte> data))
            {
                break;
            }

            bool isHost = family == WildFamily || (family == LocalFamily && address.SequenceEqual(Encoding.UTF8.GetBytes(hostName)));
            bool isDisplay = display.IsEmpty || Encoding.ASCII.GetString(display) == number.ToString(CultureInfo.InvariantCulture);
            if (isHost && isDisplay && Encoding.ASCII.GetString(name) == ConnectionSetup.Cookie)
            {
                return data.ToArray();
            }
        }

        return [];
    }

    private static bool TryTake(ref ReadOnlySpan<byte> file, out ReadOnlySpan<byte> field)
    {
        field = default;
        if (file.Length < sizeof(ushort) || file.Length - sizeof(ushort) < BinaryPrimitives.ReadUInt16BigEndian(file))
        {
            return false;
        }

        field = file.Slice(sizeof(ushort), BinaryPrimitives.ReadUInt16BigEndian(file));
        file = file[(sizeof(ushort) + field.Length)..];
        return true;
    }
}
