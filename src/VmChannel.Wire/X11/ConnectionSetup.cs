using System.Buffers.Binary;

namespace VmChannel.Wire.X11;

/// <summary>What a server says to who connects: which numbers its resources may have, and where its windows are.</summary>
/// <param name="ResourceBase">The bits that all numbers have.</param>
/// <param name="ResourceMask">The bits that are the client's choice.</param>
/// <param name="MaxRequestBytes">The longest request.</param>
/// <param name="Root">The root window of the first screen.</param>
/// <remarks>X Window System Protocol, "Connection Setup".</remarks>
public readonly record struct ConnectionSetup(uint ResourceBase, uint ResourceMask, int MaxRequestBytes, uint Root)
{
    /// <summary>Bytes of every answer that say how long it is.</summary>
    public const int PrefixBytes = 8;

    /// <summary>The name of the only way to prove who one is that is in use.</summary>
    public const string Cookie = "MIT-MAGIC-COOKIE-1";

    private const byte Success = 1;
    private const int FixedBytes = 40;
    private const int FormatBytes = 8;
    private const int LengthField = 6;

    /// <summary>Length of the whole answer, prefix included.</summary>
    public static int LengthOf(ReadOnlySpan<byte> prefix) => PrefixBytes + (BinaryPrimitives.ReadUInt16LittleEndian(prefix[LengthField..]) * sizeof(uint));

    /// <summary>The first bytes a client sends: little-endian, version 11.0, and a cookie or none.</summary>
    public static byte[] Request(ReadOnlySpan<byte> cookie)
    {
        int nameBytes = cookie.IsEmpty ? 0 : Cookie.Length;
        byte[] request = new byte[12 + RequestWriter.Padded(nameBytes) + RequestWriter.Padded(cookie.Length)];
        request[0] = (byte)'l';
        BinaryPrimitives.WriteUInt16LittleEndian(request.AsSpan(2), 11);
        BinaryPrimitives.WriteUInt16LittleEndian(request.AsSpan(6), (ushort)nameBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(request.AsSpan(8), (ushort)cookie.Length);
        _ = System.Text.Encoding.ASCII.GetBytes(Cookie.AsSpan(0, nameBytes), request.AsSpan(12));
        cookie.CopyTo(request.AsSpan(12 + RequestWriter.Padded(nameBytes)));
        return request;
    }

    /// <summary>Reads a whole answer.</summary>
    /// <param name="answer">It.</param>
    /// <param name="setup">When it is a welcome.</param>
    /// <param name="reason">Otherwise why not, in the server's words.</param>
    public static bool TryRead(ReadOnlySpan<byte> answer, out ConnectionSetup setup, out string reason)
    {
        setup = default;
        reason = "";
        if (answer.Length >= PrefixBytes && answer[0] != Success)
        {
            int length = Math.Min(answer[1], answer.Length - PrefixBytes);
            reason = System.Text.Encoding.Latin1.GetString(answer.Slice(PrefixBytes, length)).TrimEnd();
            return false;
        }

        reason = "it answers with what is no X protocol";
        if (answer.Length < FixedBytes)
        {
            return false;
        }

        int screen = FixedBytes + RequestWriter.Padded(BinaryPrimitives.ReadUInt16LittleEndian(answer[24..])) + (answer[29] * FormatBytes);
        if (answer[28] == 0 || answer.Length - screen < sizeof(uint))
        {
            return false;
        }

        setup = new(
            BinaryPrimitives.ReadUInt32LittleEndian(answer[12..]),
            BinaryPrimitives.ReadUInt32LittleEndian(answer[16..]),
            BinaryPrimitives.ReadUInt16LittleEndian(answer[26..]) * sizeof(uint),
            BinaryPrimitives.ReadUInt32LittleEndian(answer[screen..]));
        return setup.ResourceMask != 0;
    }
}
