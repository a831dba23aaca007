using System.Runtime.InteropServices;

namespace VmChannel.Native;

/// <summary>A piece of memory the kernel may read or fill: <c>struct iovec</c>. Safe code can pass it on, never look inside.</summary>
/// <remarks>
/// Only this project makes one, after a bounds check. It stays valid while the mapping it came from lives;
/// the device loop unmaps guest memory only after its rings have stopped.
/// </remarks>
[StructLayout(LayoutKind.Sequential)]
public readonly unsafe struct IoVector
{
    /// <summary>Vectors one call takes (Linux UIO_MAXIOV).</summary>
    public const int MaxCount = 1024;

    private readonly nint _base;
    private readonly nuint _length;

    internal IoVector(nint address, nuint length)
    {
        _base = address;
        _length = length;
    }

    /// <summary>Bytes; never above 4 GiB - 1, the longest descriptor.</summary>
    public long Length => (long)_length;

    /// <summary>The rest of this piece after its first <paramref name="bytes"/> bytes.</summary>
    public IoVector Skip(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((ulong)bytes, (ulong)_length, nameof(bytes));
        return new(_base + (nint)bytes, _length - (nuint)bytes);
    }

    /// <summary>The first <paramref name="bytes"/> bytes of this piece.</summary>
    public IoVector Take(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((ulong)bytes, (ulong)_length, nameof(bytes));
        return new(_base, (nuint)bytes);
    }

    /// <summary>Bytes of all pieces together.</summary>
    public static long Sum(ReadOnlySpan<IoVector> pieces)
    {
        long sum = 0;
        foreach (IoVector piece in pieces)
        {
            sum += piece.Length;
        }

        return sum;
    }

    /// <summary>Names a part of the pieces: so many bytes after the first <paramref name="skip"/>, or what there is of them.</summary>
    /// <returns>Pieces written to <paramref name="destination"/>, which has room for as many as there are.</returns>
    public static int Slice(ReadOnlySpan<IoVector> source, long skip, long count, Span<IoVector> destination)
    {
        int used = 0;
        foreach (IoVector vector in source)
        {
            long skipped = Math.Min(skip, vector.Length);
            skip -= skipped;
            long taken = Math.Min(count, vector.Length - skipped);
            if (taken > 0)
            {
                destination[used++] = vector.Skip(skipped).Take(taken);
                count -= taken;
            }

            if (count == 0)
            {
                break;
            }
        }

        return used;
    }

    /// <summary>Copies bytes out of the pieces, in order, until either side ends. Returns the bytes copied.</summary>
    public static int CopyOut(ReadOnlySpan<IoVector> source, Span<byte> destination)
    {
        int copied = 0;
        foreach (IoVector vector in source)
        {
            int count = (int)Math.Min((long)vector._length, destination.Length - copied);
            // SAFETY: the piece was bounds-checked when it was made and its mapping is alive (see remarks). The guest may
            // write meanwhile: callers parse the copy.
            new ReadOnlySpan<byte>((void*)vector._base, count).CopyTo(destination[copied..]);
            copied += count;
            if (copied == destination.Length)
            {
                break;
            }
        }

        return copied;
    }

    /// <summary>Copies bytes into the pieces, in order, until either side ends. Returns the bytes copied.</summary>
    public static int CopyIn(ReadOnlySpan<byte> source, ReadOnlySpan<IoVector> destination)
    {
        int copied = 0;
        foreach (IoVector vector in destination)
        {
            int count = (int)Math.Min((long)vector._length, source.Length - copied);
            // SAFETY: as in CopyOut; only the kernel or the guest reads what is written here.
            source.Slice(copied, count).CopyTo(new Span<byte>((void*)vector._base, count));
            copied += count;
            if (copied == source.Length)
            {
                break;
            }
        }

        return copied;
    }
}
