using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;

namespace VmChannel.Mux;

/// <summary>What a message of the preface is.</summary>
internal enum MuxPrefaceKind : byte
{
    /// <summary>Who I am; answer with my nonce.</summary>
    Hello = 1,

    /// <summary>I have seen the hello with this nonce; a session follows.</summary>
    Ack = 2,
}

/// <summary>128 random bits: one opening of one end.</summary>
/// <param name="High">The first eight bytes, big-endian.</param>
/// <param name="Low">The others.</param>
internal readonly record struct MuxNonce(ulong High, ulong Low) : IComparable<MuxNonce>
{
    public const int Size = 16;

    public static MuxNonce Create()
    {
        Span<byte> random = stackalloc byte[Size];
        RandomNumberGenerator.Fill(random);
        return Read(random);
    }

    public static MuxNonce Read(ReadOnlySpan<byte> source)
        => new(BinaryPrimitives.ReadUInt64BigEndian(source), BinaryPrimitives.ReadUInt64BigEndian(source[8..]));

    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, High);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], Low);
    }

    public int CompareTo(MuxNonce other) => High != other.High ? High.CompareTo(other.High) : Low.CompareTo(other.Low);
}

/// <summary>What both ends say before a session, so that bytes of an earlier one are told apart: 48 bytes, big-endian.</summary>
/// <param name="Kind">Hello or the answer to one.</param>
/// <param name="Version">Of the protocol: <see cref="CurrentVersion"/>.</param>
/// <param name="Window">Bytes of a stream the sender takes before it has to say more; 0 = yamux's 256 KiB.</param>
/// <param name="Sender">Nonce of who sends this.</param>
/// <param name="Answered">Of an answer: nonce of the hello it is for; 0 otherwise.</param>
/// <remarks>docs/http.md, "The protocol". The first byte is no yamux version, so a hello in the middle of a session stands out.</remarks>
internal readonly record struct MuxPreface(MuxPrefaceKind Kind, byte Version, uint Window, MuxNonce Sender, MuxNonce Answered = default)
{
    public const int Size = 48;
    public const byte CurrentVersion = 1;
    public const byte FirstByte = 0xF5;

    private const int KindAt = 8;
    private const int VersionAt = 9;
    private const int WindowAt = 12;
    private const int SenderAt = 16;
    private const int AnsweredAt = 32;

    /// <summary>0xF5 is in no UTF-8 text.</summary>
    private static ReadOnlySpan<byte> Magic => [FirstByte, (byte)'v', (byte)'m', (byte)'c', (byte)'h', (byte)'m', (byte)'u', (byte)'x'];

    /// <summary>Reads a message at the beginning of the input.</summary>
    public static OperationStatus TryRead(ReadOnlySpan<byte> source, out MuxPreface message)
    {
        message = default;
        ReadOnlySpan<byte> magic = source[..Math.Min(source.Length, Magic.Length)];
        if (!Magic.StartsWith(magic))
        {
            return OperationStatus.InvalidData;
        }

        if (source.Length < Size)
        {
            return OperationStatus.NeedMoreData;
        }

        message = new(
            (MuxPrefaceKind)source[KindAt],
            source[VersionAt],
            BinaryPrimitives.ReadUInt32BigEndian(source[WindowAt..]),
            MuxNonce.Read(source[SenderAt..]),
            MuxNonce.Read(source[AnsweredAt..]));
        return message.Kind is MuxPrefaceKind.Hello or MuxPrefaceKind.Ack ? OperationStatus.Done : OperationStatus.InvalidData;
    }

    /// <summary>Finds the next message among bytes of an earlier session, and takes all up to its end.</summary>
    /// <param name="input">What was read; what is left of it afterwards may be the beginning of a message.</param>
    /// <param name="message">The message when true is returned.</param>
    public static bool TryFind(ref ReadOnlySpan<byte> input, out MuxPreface message)
    {
        while (true)
        {
            int at = input.IndexOf(FirstByte);
            input = at < 0 ? [] : input[at..];
            switch (TryRead(input, out message))
            {
                case OperationStatus.Done:
                    input = input[Size..];
                    return true;
                case OperationStatus.NeedMoreData:
                    return false;
                default:
                    input = input[1..];
                    break;
            }
        }
    }

    /// <summary>Writes the message.</summary>
    /// <param name="destination">At least <see cref="Size"/> bytes.</param>
    public void Write(Span<byte> destination)
    {
        destination[..Size].Clear();
        Magic.CopyTo(destination);
        destination[KindAt] = (byte)Kind;
        destination[VersionAt] = Version;
        BinaryPrimitives.WriteUInt32BigEndian(destination[WindowAt..], Window);
        Sender.Write(destination[SenderAt..]);
        Answered.Write(destination[AnsweredAt..]);
    }
}
