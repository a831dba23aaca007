using System.Runtime.InteropServices;

namespace VmChannel.Native;

/// <summary>Bytes of our own that the kernel may read or fill: a managed array that never moves.</summary>
/// <remarks>Pieces of it stay valid while the buffer is reachable, so its owner keeps it in a field.</remarks>
public sealed class PinnedBuffer(int length)
{
    private readonly byte[] _bytes = GC.AllocateUninitializedArray<byte>(length, pinned: true);

    public Span<byte> Span => _bytes;

    /// <summary>A piece of the buffer.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It does not lie inside.</exception>
    public IoVector Vector(int offset, int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)offset, (uint)_bytes.Length, nameof(offset));
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)count, (uint)(_bytes.Length - offset), nameof(count));
        return new(Marshal.UnsafeAddrOfPinnedArrayElement(_bytes, offset), (nuint)count);
    }
}
