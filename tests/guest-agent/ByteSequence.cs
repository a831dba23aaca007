using System.Buffers.Binary;

namespace VmChannel.GuestAgent;

/// <summary>A long stream that both ends can make and check at any position, so that a byte lost, repeated or moved shows.</summary>
/// <param name="seed">Streams with other seeds have nothing in common.</param>
internal sealed class ByteSequence(ulong seed)
{
    /// <summary>Makes the part that begins at a position.</summary>
    public void Fill(long position, Span<byte> destination)
    {
        Span<byte> word = stackalloc byte[8];
        while (destination.Length > 0)
        {
            int offset = (int)(position % 8);
            BinaryPrimitives.WriteUInt64LittleEndian(word, Word((ulong)(position / 8)));
            int count = Math.Min(8 - offset, destination.Length);
            word.Slice(offset, count).CopyTo(destination);
            destination = destination[count..];
            position += count;
        }
    }

    /// <summary>Compares a part with what it must be.</summary>
    /// <returns>Position of the first wrong byte; -1 when all are right.</returns>
    public long FindFault(long position, ReadOnlySpan<byte> bytes)
    {
        byte[] expected = new byte[bytes.Length];
        Fill(position, expected);
        int same = bytes.CommonPrefixLength(expected);
        return same == bytes.Length ? -1 : position + same;
    }

    // splitmix64 of the position.
    private ulong Word(ulong index)
    {
        unchecked
        {
            ulong z = seed + ((index + 1) * 0x9E3779B97F4A7C15);
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
            return z ^ (z >> 31);
        }
    }
}
