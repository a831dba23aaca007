using System.Buffers.Binary;
using System.Text;

namespace VmChannel.SystemTests.Rig;

/// <summary>
/// A long stream that both sides can make: numbered parts, each a headline with the stream's name and the part's number, and
/// one block of random bytes. A byte lost, repeated, or from another stream or part, changes it.
/// </summary>
internal sealed class Pattern(string name, int parts)
{
    /// <summary>Of an odd size, so that parts begin anywhere in a page and in a descriptor. The guest has it as /pattern.</summary>
    public static readonly ReadOnlyMemory<byte> Block = MakeBlock((4 * 1024 * 1024) - 4093);

    private const int HeadlineBytes = 32;

    public long Length { get; } = (long)parts * (HeadlineBytes + Block.Length);

    /// <summary>Shell words that write the stream to standard output.</summary>
    /// <remarks>One cat for all of it: a process for each part would take the guest longer than the part itself.</remarks>
    public string GuestWriter =>
        $"{{ mkdir -p /tmp/p.{name}; for ((i = 0; i < {parts}; i++)); do printf '%-24s%07d\\n' {name} $i >/tmp/p.{name}/$i; list+=(/tmp/p.{name}/$i /pattern); done; cat \"${{list[@]}}\"; }}";

    /// <summary>Part of the stream from a position on, as long as one piece in memory goes.</summary>
    public ReadOnlyMemory<byte> From(long position)
    {
        (long part, long offset) = Math.DivRem(position, HeadlineBytes + Block.Length);
        return offset < HeadlineBytes
            ? Encoding.ASCII.GetBytes($"{name,-24}{part:D7}\n").AsMemory((int)offset)
            : Block[(int)(offset - HeadlineBytes)..];
    }

    /// <summary>Writes the stream, or the part of it between two positions.</summary>
    public async Task WriteAsync(Stream target, long from = 0, long? to = null)
    {
        long end = to ?? Length;
        while (from < end)
        {
            ReadOnlyMemory<byte> piece = From(from);
            piece = piece[..(int)Math.Min(piece.Length, end - from)];
            await target.WriteAsync(piece);
            from += piece.Length;
        }
    }

    /// <summary>Reads bytes that must be the stream's, from a position on.</summary>
    /// <param name="source">Where they come from.</param>
    /// <param name="from">Position of the first one.</param>
    /// <param name="to">Position to stop before; the end of the stream if it comes first.</param>
    /// <returns>Position after the last byte read.</returns>
    public async Task<long> CheckAsync(Stream source, long from = 0, long? to = null)
    {
        long end = to ?? Length;
        byte[] buffer = new byte[1 << 18];
        using CancellationTokenSource limit = new(Patience.Long);
        while (from < end)
        {
            int count = await source.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, end - from)), limit.Token);
            if (count == 0)
            {
                break;
            }

            Check(buffer.AsSpan(0, count), from);
            from += count;
        }

        return from;
    }

    /// <summary>Reads bytes of a stream that breaks off somewhere and is followed by a line, and by nothing else.</summary>
    public async Task CheckUntilAsync(Stream source, long from, string line)
    {
        byte[] end = Encoding.UTF8.GetBytes(line);
        byte[] buffer = new byte[1 << 16];
        using MemoryStream tail = new();
        using CancellationTokenSource limit = new(Patience.Long);
        while (!tail.GetBuffer().AsSpan(0, (int)tail.Length).EndsWith(end))
        {
            int count = await source.ReadAtLeastAsync(buffer, 1, cancellationToken: limit.Token);
            tail.Write(buffer.AsSpan(0, count));
        }

        using MemoryStream rest = new(tail.ToArray()[..^end.Length]);
        Assert.Equal(from + rest.Length, await CheckAsync(rest, from));
    }

    /// <summary>What cksum says about the whole stream: checksum and length.</summary>
    public async Task<string> ChecksumAsync()
    {
        await using HostProcess cksum = HostProcess.Start(["cksum"]);
        await WriteAsync(cksum.Input);
        cksum.Input.Close();
        Assert.Equal(0, await cksum.Ended);
        return cksum.Output.ToString().Trim();
    }

    private void Check(ReadOnlySpan<byte> bytes, long position)
    {
        while (bytes.Length > 0)
        {
            ReadOnlySpan<byte> expected = From(position).Span;
            expected = expected[..Math.Min(expected.Length, bytes.Length)];
            int same = bytes.CommonPrefixLength(expected);
            Assert.True(same == expected.Length, $"{name}: byte {position + same} of the stream is wrong");
            position += same;
            bytes = bytes[same..];
        }
    }

    private static byte[] MakeBlock(int size)
    {
        byte[] bytes = new byte[size];
        ulong state = 0x20160301;
        for (int at = 0; at + 8 <= size; at += 8)
        {
            // xorshift64: the same in every run, and no two places alike.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(at), state);
        }

        return bytes;
    }
}
