using System.Runtime.CompilerServices;

namespace VmChannel.Native;

/// <summary>A checked window on memory shared with a driver: single loads and stores, each inside the window or an exception.</summary>
/// <remarks>
/// Little-endian hosts only (x86-64, arm64), as VIRTIO 1.x rings are. Offsets come from our own arithmetic modulo the
/// queue size, so an exception is a defect of ours. The mapping outlives the window: see <see cref="GuestMemory"/>.
/// </remarks>
public readonly unsafe struct RingMemory
{
    private readonly byte* _base;
    private readonly int _length;

    internal RingMemory(nint address, int length)
    {
        _base = (byte*)address;
        _length = length;
    }

    /// <summary>Bytes in the window.</summary>
    public int Length => _length;

    public ushort ReadUInt16(int offset) => Volatile.Read(ref At<ushort>(offset));

    public uint ReadUInt32(int offset) => Volatile.Read(ref At<uint>(offset));

    /// <summary>Store with release order: everything written before is visible to who reads this value.</summary>
    public void WriteUInt16(int offset, ushort value) => Volatile.Write(ref At<ushort>(offset), value);

    public void WriteUInt32(int offset, uint value) => Volatile.Write(ref At<uint>(offset), value);

    public void Read(int offset, Span<byte> destination)
    {
        Check(offset, destination.Length);
        // SAFETY: checked; the peer may write meanwhile, callers use only the copy.
        new ReadOnlySpan<byte>(_base + offset, destination.Length).CopyTo(destination);
    }

    public void Write(int offset, ReadOnlySpan<byte> source)
    {
        Check(offset, source.Length);
        // SAFETY: checked.
        source.CopyTo(new Span<byte>(_base + offset, source.Length));
    }

    /// <summary>A smaller window.</summary>
    public RingMemory Slice(int offset, int length)
    {
        Check(offset, length);
        return new((nint)(_base + offset), length);
    }

    /// <summary>The address is a multiple of <paramref name="alignment"/>, a power of two.</summary>
    public bool IsAligned(int alignment) => ((nint)_base & (alignment - 1)) == 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref T At<T>(int offset)
        where T : unmanaged
    {
        Check(offset, sizeof(T));
        // SAFETY: inside the window; alignment follows from the ring layout, which is checked at set-up.
        return ref Unsafe.AsRef<T>(_base + offset);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Check(int offset, int count)
    {
        if ((uint)offset > (uint)_length || (uint)count > (uint)(_length - offset))
        {
            Throw(offset, count);
        }
    }

    private void Throw(int offset, int count)
        => throw new ArgumentOutOfRangeException(nameof(offset), $"bytes {offset} to {(long)offset + count} of a window of {_length}");
}
